// What a partner would import without this package, and it imports itself.
import "jose";
import "openid-client";
import "undici";
import "zod";
