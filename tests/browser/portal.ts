// A provider's portal: a page of another origin than the relay's, with whatever a test puts into it.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** How a portal greets its frames: it keeps all that they say. Runs in the portal's page, before everything else of it. */
function keepMessages(): void {
  const heard: unknown[] = [];
  Object.assign(window, { heard });
  addEventListener("message", ({ data, origin }) => heard.push([origin, data]));
}

/** A portal on a free port. */
export class Portal {
  readonly #server: Server;
  /** The body of the page. */
  body = "";
  /** The content security policy; none for an empty text. */
  policy = "";

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Portal> {
    const server = createServer();
    const portal = new Portal(server);
    server.on("request", (request, response) => {
      const headers: Record<string, string> = { "content-type": "text/html; charset=utf-8" };
      if (portal.policy !== "") headers["content-security-policy"] = portal.policy;
      response.writeHead(request.url === "/favicon.ico" ? 404 : 200, headers);
      response.end(`<!doctype html><title>Portal</title><link rel="icon" href="data:,"><script>(${keepMessages})()</script>${portal.body}`);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return portal;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The same server by another name: another origin. */
  get otherOrigin(): string {
    return this.origin.replace("127.0.0.1", "localhost");
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
