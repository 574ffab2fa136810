import ArgumentParser
import Logging
import Operations
import PrivateProxy
import PublicProxy

@main
struct Proxy: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy", abstract: "The two ends of a TLS passthrough: public and private proxy.", subcommands: [Run.self, Version.self])

  @Option(help: "Lowest level that is logged: \(Options.levelNames).", transform: Options.logLevel)
  var level: Logger.Level = .info

  @Option(help: "Form of the log lines: text or json.", transform: Options.logFormat)
  var format: LogFormat = .text

  var logger: Logger { makeLogger(label: "proxy", level: level, format: format) }
}

/// `proxy run`
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run one of the proxies until SIGTERM or SIGINT.",
    discussion: "The settings come from PROXY_SETTINGS: files and folders, separated by colons.", subcommands: [Public.self, Private.self])
  @ParentCommand var parent: Proxy

  /// `proxy run public`
  struct Public: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The edge: listens for TLS clients and for private proxies.")
    @ParentCommand var parent: Run

    func run() async throws {
      let logger = parent.parent.logger
      await finish(program: "proxy") { try await PublicProxy.runFromEnvironment(logger: logger) }
    }
  }

  /// `proxy run private`
  struct Private: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The other end: announces domains and dials out; listens on no TCP port.")
    @ParentCommand var parent: Run

    func run() async throws {
      let logger = parent.parent.logger
      await finish(program: "proxy") { try await PrivateProxy.runFromEnvironment(logger: logger) }
    }
  }
}

/// `proxy version`
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
