/** Secrets as people leave them lying about. */

export interface Plant {
  readonly text: string;
  /** What may be seen nowhere. */
  readonly hidden: string;
}

const KEY = 'e93facc04764012d7bfb002500d5d1a6';
const plants = (hidden: string, ...texts: readonly string[]): Plant[] => texts.map((text) => ({ text, hidden }));

export const PLANTED: Readonly<Record<string, readonly Plant[]>> = {
  'a routing key': plants(
    KEY,
    `routing_key: ${KEY}`,
    `#  routing_key: ${KEY}`,
    `routing_key_file: ${KEY}`,
    `{"routing_key":"${KEY}"}`,
    `the body was ${KEY}.`,
    `alice:${KEY}@`,
  ),
  'a password': plants(
    'hunter2',
    'password: hunter2',
    "db-password: 'hunter2'",
    'PASSWORD=hunter2 spillway run',
    'mysql --password hunter2 -u x',
    'mysql --password=hunter2',
    '{"password": "hunter2"}',
    '{"user":"x","smtp_passwd":"hunter2"}',
    'passphrase = "hunter2"',
    'password=ab,cd;hunter2"x',
  ),
  'a password with blanks and quotes': plants(
    'battery staple',
    'password: "correct \\"horse battery staple"',
    "password: 'correct horse battery staple'",
  ),
  'a URL with a user': plants(
    's3cr3t',
    'url: https://alice:s3cr3t@hooks.example/x',
    'connect to http://alice:s3cr3t@127.0.0.1:9093 failed',
    'proxy socks5://alice:s3cr3t@proxy',
    'https://s3cr3t@host.example/',
  ),
  'a URL that opens a door': plants(
    'T024BE7LH',
    'url: https://hooks.chat.example/services/T024BE7LH/B1/abc',
    'POST https://chat.example/hook?key=T024BE7LH: 500',
  ),
  'a token': plants(
    'k-9fQ2',
    'Authorization: Bearer k-9fQ2.zz',
    'authorization: Basic k-9fQ2zz==',
    'bearer_token: k-9fQ2',
    'X-Api-Key: k-9fQ2',
    'curl -H "Authorization: Bearer k-9fQ2.zz"',
    'GITHUB_TOKEN=k-9fQ2',
    'session_cookie=k-9fQ2; path=/',
    'client_secret=k-9fQ2&x=1',
    'Cookie: a=b; session=k-9fQ2',
  ),
  'a token known by its beginning': plants(
    'p4Sd8fKx1QzY',
    'pushed with ghp_p4Sd8fKx1QzYAbCdEf',
    'xoxb-17653672481-p4Sd8fKx1QzY',
    'glpat-p4Sd8fKx1QzY1',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.p4Sd8fKx1QzY',
  ),
  'a long key by itself': plants(
    'Zm9vYmFyYmF6cXV4MTIz',
    'sent Zm9vYmFyYmF6cXV4MTIzNDU2+/Q== to it',
    'x=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA',
  ),
  'a hash of basic auth': plants(
    'N9qo8uLOickgx2ZMRZoMye',
    'alice: $2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
    'basic_auth_users: {alice: "$2b$12$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"}',
    'alice:$apr1$N9qo8uLOickgx2ZMRZoMye',
    'root:$y$j9T$N9qo8uLOickgx2ZMRZoMye$abc:1:0',
    'alice: $$2y$$10$$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
  ),
  'a private key': plants(
    'MIIEvQIBADANBgkq',
    '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nx\n-----END PRIVATE KEY-----',
    'key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIEvQIBADANBgkq\n  -----END RSA PRIVATE KEY-----',
  ),
};
