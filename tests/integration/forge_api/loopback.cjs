// Loaded before a server that would listen on all interfaces: here it listens on 127.0.0.1.
const net = require("net");
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
  if (args.length && typeof args[0] === "object" && args[0] !== null && "port" in args[0]) {
    args[0] = { ...args[0], host: "127.0.0.1" };
  } else if (args.length && (typeof args[0] === "number" || /^\d+$/.test(args[0]))) {
    const rest = args.slice(1).filter((value) => typeof value !== "string");
    args = [Number(args[0]), "127.0.0.1", ...rest];
  }
  return listen.apply(this, args);
};
