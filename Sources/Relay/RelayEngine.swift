import CLinux
public import ClientHello
import Synchronization

/// What the connections of a listener are.
public enum ListenerRole: Hashable, Sendable {
  /// Clients that begin with a TLS hello.
  case clients
  /// Private sides that begin with a token.
  case tokens
}

/// The data plane: accepts, reads hellos, pairs and relays, in threads of its own.
///
/// Knows no JSON, no TLS beyond the hello, no names' meaning: it reports (`events`) and is told (all other methods). Every
/// method may be called from any thread and returns at once, except `drain` and `stop`. An order for a stream that is gone
/// is ignored: its end has been reported. Nothing that a peer sends can make a method throw.
///
/// Mutable state: the phase of the engine's life, under one mutex that is never held while anything waits.
public final class RelayEngine: Sendable {
  private enum Phase {
    case idle
    case running(RunningLoops)
    /// The loops are kept for their final figures.
    case stopped(RunningLoops?)
  }

  /// What happens, for one reader. Bounded (`maxQueuedEvents`): what finds no room is dropped and counted, and the stream
  /// it was about ends by its own timer. Ends after `stop`.
  public let events: RelayEvents

  private let settings: RelaySettings
  private let queue: EventQueue
  private let phase = Mutex(Phase.idle)

  public init(_ settings: RelaySettings = RelaySettings()) {
    self.settings = settings
    queue = EventQueue(limit: settings.maxQueuedEvents)
    events = RelayEvents(queue: queue)
  }

  deinit {
    // Threads hold no reference to us: without an engine nobody could ever stop them.
    if case .running(let loops) = phase.withLock({ $0 }) { loops.orderDrain(milliseconds: 0) }
    queue.finish()
  }

  /// The descriptor limit that was in force at the start. 0 before.
  public var descriptorLimit: Int { loops?.descriptorLimit ?? 0 }

  /// How many streams there may be at one time; 0 before `start`.
  public var maxStreams: Int { loops?.commons.maxStreams ?? 0 }

  /// Ignores SIGPIPE, for the whole process, and starts the loops. How many streams and pipes there may be follows from the limit on
  /// descriptors that is in force now: a program that wants more raises it before.
  ///
  /// - Throws: `wrongPhase` when it was started before, `noSuchAddress` for what `dialFrom` cannot mean, `system` when descriptors or threads are refused.
  public func start() throws(RelayError) {
    hyper_ignore_sigpipe()
    let limit = Machine.descriptorLimit
    let result = phase.withLock { phase -> Result<Void, RelayError> in
      guard case .idle = phase else {
        return .failure(RelayError(.wrongPhase, "start the relay: it was started before"))
      }
      do throws(RelayError) {
        phase = .running(try RunningLoops(settings: settings, descriptorLimit: limit, events: queue))
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Opens a port on every address that `host` stands for, and accepts there.
  ///
  /// `localhost` gives 127.0.0.1 and ::1 on the same port; an address family that the machine lacks is left out; an empty
  /// host or `*` means all addresses. Call after `start`.
  ///
  /// - Parameter port: 0 for any free port.
  /// - Returns: the port.
  /// - Throws: `addressInUse`, `noSuchAddress`, `permissionDenied`, `system`; `wrongPhase` when the engine does not run.
  public func listen(for role: ListenerRole, host: String, port: Int) throws(RelayError) -> Int {
    guard case .running(let loops) = phase.withLock({ $0 }) else {
      throw RelayError(.wrongPhase, "listen on \(host):\(port): the relay is not running")
    }
    let (sockets, port) = try ListeningSocket.open(role: role, host: host, port: port, settings: settings)
    for socket in sockets {
      for loop in 0..<loops.loopCount { loops.post(.listen(socket), to: loop) }
    }
    return port
  }

  /// Draws the token with which the private side will come for `stream`, and lets the stream wait for it (`tokenWait`).
  ///
  /// May be ordered again while the stream waits, for another private side: it has then several tokens, the first that is
  /// presented takes it, and the others are worthless from that moment. How long it waits does not change.
  ///
  /// Whoever has the returned token may use it at once, from any address and over any loop.
  public func awaitHandover(of stream: StreamID) -> Token {
    var generator = SystemRandomNumberGenerator()
    guard let loops else { return Token.random(for: 0, of: 1, using: &generator) }
    let token = Token.random(for: Int(stream.loop) % loops.loopCount, of: loops.loopCount, using: &generator)
    loops.commons.tokensDrawn.wrappingAdd(1, ordering: .relaxed)
    loops.post(.expect(stream, token), to: Int(stream.loop))
    return token
  }

  /// Tells a client that has not been connected to anything why not, in a way that it can read, and ends the stream.
  ///
  /// - Parameters:
  ///   - alert: nil just closes.
  ///   - cause: what `ended` will report.
  ///   - detail: for the log.
  public func refuse(_ stream: StreamID, with alert: TLSAlert?, cause: EndCause, detail: String? = nil) {
    loops?.post(.refuse(stream, alert, cause, detail: detail), to: Int(stream.loop))
  }

  /// Connects a stream whose hello was read to an address: on the public side a plain one-hop proxy, on the private side the
  /// choice of a server. `joined`, or `dialFailed` and alert 80.
  ///
  /// - Parameter preface: bytes that the server gets before everything else; opaque here, and counted as bytes up.
  public func route(_ stream: StreamID, to target: DialTarget, preface: [UInt8] = []) {
    loops?.post(.route(stream, target, preface: preface), to: Int(stream.loop))
  }

  /// The private side of a hand-over: dials the token port and the server at the same time, presents the token, relays.
  ///
  /// Whatever comes first is opaque here: no hello is read. If the server cannot be reached, `dialFailed` says so as soon
  /// as it is known, and once the token is presented the client is told by alert 80.
  ///
  /// - Parameters:
  ///   - preface: bytes that the server gets before everything else; opaque here, and counted as bytes up.
  ///   - timing: when the token is presented.
  @discardableResult
  public func join(
    token: Token, at tokenPort: DialTarget, upstream: DialTarget, preface: [UInt8] = [], timing: TokenTiming = .atOnce
  ) -> StreamID {
    join(token, tokenPort, .server(upstream, preface: preface, timing))
  }

  /// The private side of a hand-over that has several servers: dials the token port, presents the token, and reads the hello
  /// that comes over the leg, as it reads those of clients (`helloTimeout`, `helloBudget`, `maxWaiting`). Then `helloArrived`
  /// asks for `route` or `refuse`; the server gets the very bytes that came.
  ///
  /// - Parameter serverName: what the hello has to ask for, in lower case. Another name is refused with `access_denied`: the
  ///   public side must not reach a server under a name that it was not given.
  @discardableResult
  public func join(token: Token, at tokenPort: DialTarget, serverName: String) -> StreamID {
    join(token, tokenPort, .byHello(serverName: serverName))
  }

  private func join(_ token: Token, _ tokenPort: DialTarget, _ upstream: JoinUpstream) -> StreamID {
    guard let loops else {
      let stream = StreamID(loop: 0, serial: 0)
      _ = queue.append(.ended(.neverStarted(stream, .stopped)))
      return stream
    }
    let stream = loops.nextOrdered()
    if !loops.post(.join(stream, token, tokenPort: tokenPort, upstream), to: Int(stream.loop)) {
      _ = queue.append(.ended(.neverStarted(stream, .system, detail: "the loop takes no more orders")))
    }
    return stream
  }

  /// Ends a stream now, in whatever phase; where bytes flow, both sides get a reset.
  public func cancel(_ stream: StreamID) {
    loops?.post(.cancel(stream), to: Int(stream.loop))
  }

  /// The figures of this moment. Cheap, from any thread.
  public func snapshot() -> RelayCounters {
    switch phase.withLock({ $0 }) {
    case .idle, .stopped(nil): RelayCounters()
    case .running(let loops), .stopped(let loops?): loops.snapshot()
    }
  }

  /// Accepts nothing more, lets the streams end by themselves for at most `limit`, ends the others, and stops. Cancelling
  /// the caller ends the wait early. May be called again, and together with `stop`.
  public func drain(limit: Duration) async {
    let loops = phase.withLock { phase -> RunningLoops? in
      switch phase {
      case .idle:
        phase = .stopped(nil)
        return nil
      case .running(let loops), .stopped(let loops?):
        return loops
      case .stopped(nil):
        return nil
      }
    }
    if let loops {
      loops.orderDrain(milliseconds: limit.milliseconds)
      await withTaskCancellationHandler {
        await loops.waitForEnd()
      } onCancel: {
        loops.orderDrain(milliseconds: 0)
      }
      phase.withLock { $0 = .stopped(loops) }
    }
    queue.finish()
  }

  /// Ends every stream and all threads.
  public func stop() async { await drain(limit: .zero) }

  private var loops: RunningLoops? {
    if case .running(let loops) = phase.withLock({ $0 }) { loops } else { nil }
  }
}
