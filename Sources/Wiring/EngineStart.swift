public import ClientHello
import Limits
public import Logging
public import Operations
public import Relay
import ServiceLifecycle
public import Settings

/// Starts the data plane from settings, and stops it.
public enum EngineStart {
  /// - Parameters:
  ///   - tokenWait: how long a client waits for its private side (`accept_timeout`).
  ///   - rates: of sources, and of names.
  ///   - decide: see `RelaySettings.decide`.
  /// - Throws: `StartFailure` when threads or descriptors cannot be had.
  public static func start(
    _ limits: RelayLimits, tokenWait: Duration?, rates: (source: [RateLimit], name: [RateLimit]) = ([], []),
    decide: (@Sendable (ClientHelloFacts) -> HelloDecision)? = nil, logger: Logger, metrics: MetricsRegistry
  ) throws(StartFailure) -> RelayEngine {
    var settings = limits.relaySettings(tokenWait: tokenWait)
    settings.sourceRates = rates.source.map(\.pace)
    settings.nameRates = rates.name.map(\.pace)
    settings.decide = decide
    let engine = RelayEngine(settings)
    do {
      try engine.start()
    } catch {
      throw StartFailure(message: error.message, hint: error.hint, status: ExitStatus.failure)
    }
    RelayMetrics.publish(engine, in: metrics)
    logger.info("relay started", metadata: ["descriptor_limit": "\(engine.descriptorLimit)"])
    return engine
  }

  /// - Returns: the real port.
  /// - Throws: `StartFailure` when the address cannot be bound.
  public static func listen(_ engine: RelayEngine, for role: ListenerRole, on address: BindAddress) throws(StartFailure) -> Int {
    guard case .tcp(let host, let port) = address else {
      throw StartFailure(message: "the relay listens on TCP only, not on \(address)", hint: nil, status: ExitStatus.badUsage)
    }
    do {
      return try engine.listen(for: role, host: host, port: port)
    } catch {
      throw StartFailure(message: error.message, hint: error.hint, status: ExitStatus.failure)
    }
  }
}

extension EngineStart {
  /// What the other parts of a proxy may take to stop, besides the draining of its streams.
  public static let stopMargin: Duration = .seconds(2)

  /// Waits for a graceful shutdown, then drains the engine for at most `drainLimit` and stops it; its events end with that.
  public static func stop(_ engine: RelayEngine, drainLimit: Duration, logger: Logger) async {
    var limit = drainLimit
    do {
      try await gracefulShutdown()
    } catch {
      limit = .zero  // cancelled: the time for draining is over
    }
    logger.info("draining", metadata: ["limit": "\(limit)", "streams": "\(engine.snapshot().streams)"])
    await engine.drain(limit: limit)
    await engine.stop()
  }
}

extension RelayLimits {
  fileprivate func relaySettings(tokenWait: Duration?) -> RelaySettings {
    var settings = RelaySettings()
    if let loops { settings.loops = loops }
    settings.helloLimits.rawBytes = helloBytes
    settings.helloLimits.messageBytes = helloMessageBytes
    settings.helloTimeout = helloTimeout
    settings.helloBudget = helloBudget
    settings.helloBudgetPerSource = helloBudgetPerSource
    if let tokenWait { settings.tokenWait = tokenWait }
    settings.tokenPresentation = tokenTimeout
    settings.maxWaiting = maxWaiting
    settings.maxWaitingPerSource = maxWaitingPerSource
    settings.maxWaitingPerName = maxWaitingPerName
    settings.maxPresenting = maxPresenting
    settings.maxPresentingPerSource = maxPresentingPerSource
    settings.dialTimeout = dialTimeout
    settings.idleTimeout = idleTimeout
    settings.maxStreams = maxStreams
    settings.maxStreamsPerSource = maxStreamsPerSource
    settings.maxStreamsPerName = maxStreamsPerName
    settings.descriptorReserve = descriptorReserve
    settings.listenBacklog = listenBacklog
    settings.pipeSize = pipeSize
    settings.pipesPerLoop = pipesPerLoop
    settings.dialFrom = dialFrom
    settings.keepaliveIdle = keepaliveIdle
    settings.keepaliveInterval = keepaliveInterval
    settings.keepaliveProbes = keepaliveProbes
    return settings
  }
}

extension RateLimit {
  /// Evenly within the window, with bursts of a whole window's worth.
  fileprivate var pace: Pace {
    let period: Duration =
      switch window {
      case .second: .seconds(1)
      case .minute: .seconds(60)
      case .hour: .seconds(3600)
      }
    return Pace(limit, per: period)
  }
}
