// What the package depends on.
import "jose";
import "openid-client";
import "undici";
