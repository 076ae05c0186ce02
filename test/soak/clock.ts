/** The clock of a process that is wrong, by as many milliseconds as its first argument says. To be imported before all else. */
const skew = Number(process.argv[2]);
const now = Date.now;

Date.now = () => now() + skew;
globalThis.Date = new Proxy(Date, {
  construct: (date, args, target) => Reflect.construct(date, args.length === 0 ? [date.now()] : args, target),
});
