// A connection to S3 or what speaks its language: made at the first request, by AWS's own client and its chain of credentials.
import type * as Sdk from "@aws-sdk/client-s3";

export interface S3 {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
}

/** Tries of one request, those after the first with growing pauses. */
export const ATTEMPTS = 6;

/**
 * Credentials, region and endpoint come from where every AWS tool takes them: environment (AWS_ACCESS_KEY_ID, AWS_PROFILE,
 * AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, …), shared files, web identity, the machine's role.
 */
export async function connect(attempts: number): Promise<S3> {
  const sdk = await import("@aws-sdk/client-s3");
  const config: Sdk.S3ClientConfig = {
    maxAttempts: attempts,
    retryMode: "standard",
    followRegionRedirects: true,
    // Whoever reads an object checks it, and can say what of it is damaged.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
  };
  const region = await regionOf(new sdk.S3Client(config));
  const client = new sdk.S3Client({ ...config, region });
  const resolve = client.config.endpointProvider;
  // Only AWS has a host name for each bucket; others take the bucket in the path.
  client.config.endpointProvider = (params, context) =>
    resolve({ ...params, ForcePathStyle: params.Endpoint !== undefined }, context);
  return { sdk, client };
}

/** What speaks S3 elsewhere mostly knows no regions; AWS redirects to the right one. */
async function regionOf({ config }: Sdk.S3Client): Promise<string> {
  try {
    return await config.region();
  } catch {
    return "us-east-1";
  }
}
