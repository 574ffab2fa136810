/// The help texts of all programs, word for word, without the line feeds at the end.
///
/// A change here is a change of the user's interface: it belongs into CHANGELOG.md.
enum Snapshots {
  static let help: [(command: String, text: String)] = [
    (
      "hyper --help",
      """
      OVERVIEW: A node of the Hyper network: a message broker with pinned identities
      and permissions.

      USAGE: hyper [--level <level>] [--format <format>] <subcommand>

      OPTIONS:
        --level <level>         Lowest level that is logged: panic, fatal, critical,
                                error, warn, warning, notice, info, debug, trace.
        --format <format>       Form of the log lines: text or json.
        -h, --help              Show help information.

      SUBCOMMANDS:
        server, s               Run the node.
        certs                   Development certificates.
        version                 Print the version.

        See 'hyper help <subcommand>' for detailed help.
      """
    ),
    (
      "hyper server --help",
      """
      OVERVIEW: Run the node.

      USAGE: hyper server <subcommand>

      OPTIONS:
        -h, --help              Show help information.

      SUBCOMMANDS:
        run                     Run until SIGTERM or SIGINT.

        See 'hyper help server <subcommand>' for detailed help.
      """
    ),
    (
      "hyper server run --help",
      """
      OVERVIEW: Run until SIGTERM or SIGINT.

      The settings come from HYPER_SETTINGS: files and folders, separated by colons.

      USAGE: hyper server run

      OPTIONS:
        -h, --help              Show help information.
      """
    ),
    (
      "hyper certs make --help",
      """
      OVERVIEW: Make development certificates and their directory records; keeps what
      is valid.

      For trying out only: the keys of root and intermediate are written beside the
      certificates.

      USAGE: hyper certs make [--certificates <certificates>] [--records <records>]

      OPTIONS:
        --certificates <certificates>
                                Folder for certificates and keys. (default:
                                settings/dev/certs)
        --records <records>     File for the directory records with the fingerprints.
                                (default:
                                settings/dev/directory/002_certificates.json)
        -h, --help              Show help information.
      """
    ),
    (
      "proxy --help",
      """
      OVERVIEW: The two ends of a TLS passthrough: public and private proxy.

      USAGE: proxy [--level <level>] [--format <format>] <subcommand>

      OPTIONS:
        --level <level>         Lowest level that is logged: panic, fatal, critical,
                                error, warn, warning, notice, info, debug, trace.
        --format <format>       Form of the log lines: text or json.
        -h, --help              Show help information.

      SUBCOMMANDS:
        run                     Run one of the proxies until SIGTERM or SIGINT.
        version                 Print the version.

        See 'proxy help <subcommand>' for detailed help.
      """
    ),
    (
      "proxy run --help",
      """
      OVERVIEW: Run one of the proxies until SIGTERM or SIGINT.

      The settings come from PROXY_SETTINGS: files and folders, separated by colons.

      USAGE: proxy run <subcommand>

      OPTIONS:
        -h, --help              Show help information.

      SUBCOMMANDS:
        public                  The edge: listens for TLS clients and for private
                                proxies.
        private                 The other end: announces domains and dials out;
                                listens on no TCP port.

        See 'proxy help run <subcommand>' for detailed help.
      """
    ),
    (
      "proxy run public --help",
      """
      OVERVIEW: The edge: listens for TLS clients and for private proxies.

      USAGE: proxy run public

      OPTIONS:
        -h, --help              Show help information.
      """
    ),
    (
      "proxy run private --help",
      """
      OVERVIEW: The other end: announces domains and dials out; listens on no TCP
      port.

      USAGE: proxy run private

      OPTIONS:
        -h, --help              Show help information.
      """
    ),
    (
      "internal-server --help",
      """
      OVERVIEW: The example service behind the private proxy: a small HTTPS server.

      Set by variables: IS_BIND_ADDRESS (localhost:8888), USE_TLS (1; 0 serves plain
      HTTP), IS_CERTIFICATE and IS_KEY
      (settings/dev/certs/internal-server.crt and .key). GET answers
      {"message":"success"}; POST answers JSON-RPC requests and
      returns any other JSON object.

      USAGE: internal-server

      OPTIONS:
        --version               Show the version.
        -h, --help              Show help information.
      """
    ),
  ]
}
