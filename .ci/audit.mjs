// Fails where a runtime dependency has a known vulnerability. A registry that offers no audits is no failure: it is said.
import { spawnSync } from "node:child_process";

const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8" });
const report = JSON.parse(stdout);
if (report.auditReportVersion === undefined) {
  // Not found, method not allowed, not implemented: what mirrors answer that have packages only.
  const unsupported = [404, 405, 501].includes(report.statusCode);
  console.log(unsupported ? `NOT CHECKED: this registry offers no audits (${report.statusCode})` : stdout);
  process.exitCode = unsupported ? 0 : 1;
} else {
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, range } of found) console.log(`${severity}: ${name} ${range}`);
  console.log(`${found.length} known vulnerabilities in ${report.metadata.dependencies.prod} runtime packages`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
