// Stands before an S3 server and misbehaves as told, request by request.
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** The how-manieth request this is, from 1. */
  readonly nth: number;
}

/**
 * `pass`; a status with S3's name for it; `reset`: the connection breaks before the server hears of it;
 * `lose`: the server does it, and the connection breaks before its answer; `cut`: its answer breaks off half-way.
 */
export type Fate = "pass" | "reset" | "lose" | "cut" | { readonly status: number; readonly name: string };

export interface Proxy {
  readonly port: number;
  readonly requests: readonly ProxiedRequest[];
  stop(): Promise<void>;
}

export async function startProxy(serverPort: number, fateOf: (proxied: ProxiedRequest) => Fate): Promise<Proxy> {
  const requests: ProxiedRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = "GET", url = "/", headers } = incoming;
    const now = { method, path: url, headers, nth: requests.length + 1 };
    requests.push(now);
    const fate = fateOf(now);
    if (fate === "reset") incoming.socket.resetAndDestroy();
    else if (typeof fate === "object") refuse(incoming, outgoing, fate);
    else forward(serverPort, { incoming, outgoing, fate });
  });
  server.on("checkContinue", (incoming, outgoing) => {
    outgoing.writeContinue();
    server.emit("request", incoming, outgoing);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, name }: { readonly status: number; readonly name: string },
): void {
  incoming.resume().on("end", () => {
    outgoing.writeHead(status, { "content-type": "application/xml" });
    outgoing.end(`<?xml version="1.0"?><Error><Code>${name}</Code><Message>as the test wants it</Message></Error>`);
  });
}

interface Passing {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly fate: "pass" | "lose" | "cut";
}

function forward(port: number, { incoming, outgoing, fate }: Passing): void {
  const { method, url, headers } = incoming;
  // The signature covers the host that the client asked: it goes on as it came.
  const onward = request({ host: "127.0.0.1", port, method, path: url, headers, setHost: false }, (answer) => {
    if (fate === "lose") return void answer.resume().on("end", () => incoming.socket.resetAndDestroy());
    outgoing.writeHead(answer.statusCode!, answer.headers);
    if (fate === "pass") return void answer.pipe(outgoing);
    answer.once("data", (bytes: Buffer) => {
      outgoing.write(bytes.subarray(0, bytes.length / 2), () => incoming.socket.resetAndDestroy());
    });
  });
  onward.on("error", () => incoming.socket.destroy());
  incoming.pipe(onward);
}
