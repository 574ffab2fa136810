import NIOCore
import NIOPosix
import Operations

/// The listening sockets of one server: one, or two for `localhost`.
struct Listeners: Sendable {
  /// With the real port.
  let address: ListenAddress
  private let channels: [any NIOCore.Channel]
  private let ownership: SocketOwnership?

  /// What a server may do with a connection that was just accepted: true keeps it, false has it closed.
  /// Called on the connection's event loop; what it throws has it closed too.
  typealias Accept = @Sendable (any NIOCore.Channel) throws -> Bool
  /// Told that accepting rests. Called on the listener's event loop.
  typealias Paused = @Sendable (AcceptGate.Pause) -> Void

  /// The kernel's queue of connections that wait for us to accept them; it caps this by its own limit (somaxconn).
  private static let backlog: Int32 = 4096
  /// How often port 0 of `localhost` is tried again when the port chosen for IPv4 is taken on IPv6.
  private static let pairAttempts = 10

  /// - Throws: `StartFailure` naming the address and what is wrong with it; nothing stays open then.
  static func open(
    _ address: ListenAddress, access: HTTPServerConfiguration.Access, name: String, paused: @escaping Paused,
    accept: @escaping Accept
  ) async throws(StartFailure) -> Listeners {
    let bootstrap = bootstrap(accept, paused)
    switch address {
    case .tcp("localhost", let port): return try await openLoopback(port, name: name, bootstrap)
    case .tcp(let host, let port):
      do {
        let channel = try await bootstrap.bind(host: host, port: port).get()
        return Listeners(address: .tcp(host: host, port: channel.localAddress?.port ?? port), channels: [channel], ownership: nil)
      } catch {
        throw failure(error, address, name)
      }
    case .unix(let path):
      var unixAccess = UnixAccess()
      if case .unix(let given) = access { unixAccess = given }
      return try await openUnix(path, unixAccess, name: name, bootstrap)
    }
  }

  /// Closes the sockets without waiting: no connection is accepted from here on.
  func stop() {
    for channel in channels { channel.close(promise: nil) }
  }

  /// Closes the sockets and gives the Unix path back.
  func close() async {
    for channel in channels {
      channel.close(promise: nil)
      // The close future of a socket never fails.
      try? await channel.closeFuture.get()
    }
    ownership?.release()
  }

  /// Both loopback addresses with one port; IPv4 alone on a machine without IPv6.
  private static func openLoopback(_ port: Int, name: String, _ bootstrap: ServerBootstrap) async throws(StartFailure) -> Listeners {
    let address = ListenAddress.tcp(host: "localhost", port: port)
    for attempt in 1...pairAttempts {
      let first: any NIOCore.Channel
      do {
        first = try await bootstrap.bind(host: "127.0.0.1", port: port).get()
      } catch {
        throw failure(error, address, name)
      }
      let chosen = first.localAddress?.port ?? port
      let bound = ListenAddress.tcp(host: "localhost", port: chosen)
      do {
        let second = try await bootstrap.bind(host: "::1", port: chosen).get()
        return Listeners(address: bound, channels: [first, second], ownership: nil)
      } catch let error as IOError where error.errnoCode == EADDRINUSE {
        first.close(promise: nil)
        // Somebody else owns the port on the other address: connections could reach the wrong server.
        if port != 0 || attempt == pairAttempts { throw failure(error, .tcp(host: "::1", port: chosen), name) }
      } catch {
        // No IPv6 here.
        return Listeners(address: bound, channels: [first], ownership: nil)
      }
    }
    throw StartFailure(message: "\(name) cannot find a free port on localhost", hint: nil, status: ExitStatus.failure)
  }

  private static func openUnix(
    _ path: String, _ access: UnixAccess, name: String, _ bootstrap: ServerBootstrap
  ) async throws(StartFailure) -> Listeners {
    let ownership = try SocketOwnership.take(path: path)
    do {
      let channel = try await bootstrap.serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 0)
        .bind(unixDomainSocketPath: path).get()
      do throws(StartFailure) {
        try ownership.protect(mode: access.mode, group: access.group)
      } catch {
        channel.close(promise: nil)
        throw error
      }
      return Listeners(address: .unix(path: path), channels: [channel], ownership: ownership)
    } catch let failure as StartFailure {
      ownership.release()
      throw failure
    } catch {
      ownership.release()
      throw Self.failure(error, .unix(path: path), name)
    }
  }

  private static func bootstrap(_ accept: @escaping Accept, _ paused: @escaping Paused) -> ServerBootstrap {
    ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(ChannelOptions.backlog, value: backlog)
      // A restart must not wait for the last connections of the process before.
      .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptGate(paused: paused)) }
      }
      .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard try accept(channel) else { throw NotAccepted() }
        }
      }
  }

  /// Has NIO close a connection that was just accepted.
  private struct NotAccepted: Error {}

  private static func failure(_ error: any Error, _ address: ListenAddress, _ name: String) -> StartFailure {
    let message = "\(name) cannot listen on \(address): "
    guard let error = error as? IOError else {
      return StartFailure(message: message + "\(error)", hint: nil, status: ExitStatus.failure)
    }
    switch error.errnoCode {
    case EADDRINUSE:
      return StartFailure(
        message: message + "the address is already in use", hint: "is it running already? `ss -ltnp` shows who listens there",
        status: ExitStatus.failure)
    case EACCES:
      return StartFailure(
        message: message + "permission denied", hint: "ports under 1024 need root or CAP_NET_BIND_SERVICE", status: ExitStatus.failure)
    case EADDRNOTAVAIL:
      return StartFailure(
        message: message + "the machine has no such address", hint: "set bind_address to one it has", status: ExitStatus.failure)
    default:
      return StartFailure(message: message + "\(error)", hint: nil, status: ExitStatus.failure)
    }
  }
}
