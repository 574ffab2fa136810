import ArgumentParser
import HyperNode
import Logging
import Operations

@main
struct Hyper: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hyper", abstract: "A node of the Hyper network: a message broker with pinned identities and permissions.",
    subcommands: [Server.self, Certs.self, Version.self])

  @Option(help: "Lowest level that is logged: \(Options.levelNames).", transform: Options.logLevel)
  var level: Logger.Level = .info

  @Option(help: "Form of the log lines: text or json.", transform: Options.logFormat)
  var format: LogFormat = .text
}

/// `hyper server`
struct Server: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Run the node.", subcommands: [Run.self], aliases: ["s"])
  @ParentCommand var parent: Hyper

  /// `hyper server run`
  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run until SIGTERM or SIGINT.",
      discussion: "The settings come from HYPER_SETTINGS: files and folders, separated by colons.")
    @ParentCommand var server: Server

    func run() async throws {
      let logger = makeLogger(label: "hyper", level: server.parent.level, format: server.parent.format)
      await finish(program: "hyper") { try await Node.runFromEnvironment(logger: logger) }
    }
  }
}

/// `hyper certs`
struct Certs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Development certificates.", subcommands: [Make.self])

  /// `hyper certs make`
  struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make development certificates and their directory records; keeps what is valid.",
      discussion: "For trying out only: the keys of root and intermediate are written beside the certificates.")

    @Option(help: "Folder for certificates and keys.")
    var certificates = "settings/dev/certs"

    @Option(help: "File for the directory records with the fingerprints.")
    var records = "settings/dev/directory/002_certificates.json"

    func run() async throws {
      await finish(program: "hyper") { try DevelopmentCertificates.make(certificates: certificates, records: records) }
    }
  }
}

/// `hyper version`
struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the version.")

  func run() { print(HyperVersion.text) }
}

/// How options are read.
enum Options {
  static let levelNames = LogLevel.names

  /// Reads a level name, in any case (PROTOCOL.md 1.1).
  static func logLevel(_ name: String) throws -> Logger.Level {
    guard let level = LogLevel(rawValue: name)?.level else {
      throw ValidationError("'\(name)' is no log level; use one of \(levelNames)")
    }
    return level
  }

  static func logFormat(_ name: String) throws -> LogFormat {
    guard let format = LogFormat(rawValue: name) else { throw ValidationError("'\(name)' is no log format; use text or json") }
    return format
  }
}
