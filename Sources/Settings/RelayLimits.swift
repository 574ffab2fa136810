/// A `relay` map: the bounds of the data plane, the same map for both proxies. Every key is optional.
public struct RelayLimits: Hashable, Sendable {
  /// `loops`, 1…256: event loops (threads). Default (nil): one per two cores, at least one.
  public var loops: Int?

  /// `hello_bytes`, 1024…1048576, default 262144, at most `hello_budget_per_source`: raw bytes of one ClientHello with its record headers.
  public var helloBytes = 256 << 10
  /// `hello_message_bytes`, 512…1048576, default 135168, at most `hello_bytes`: one ClientHello message; a legal one has up to about 131 KB.
  public var helloMessageBytes = 132 << 10
  /// `hello_timeout`, 0.1…300 seconds, default 5: from accept to a complete hello.
  public var helloTimeout: Duration = .seconds(5)
  /// `hello_budget`, 65536…17179869184 bytes, default 67108864: hellos without a destination yet, all together.
  public var helloBudget = 64 << 20
  /// `hello_budget_per_source`, same range, default 8388608, at most `hello_budget`: the part of it that one source may use.
  public var helloBudgetPerSource = 8 << 20

  /// `token_timeout`, 0.1…300 seconds, default 5: from accept on the internal port to the last byte of the token.
  public var tokenTimeout: Duration = .seconds(5)
  /// `max_waiting`, 1…1048576, default 16384: clients that wait for their private side at one time.
  public var maxWaiting = 16_384
  /// `max_waiting_per_source` and `max_waiting_per_name`, same range: of one source, or for one server name. Default (nil): as many as are free for
  /// others, so at most half.
  public var maxWaitingPerSource: Int?
  public var maxWaitingPerName: Int?
  /// `max_presenting`, 1…1048576, default 4096: connections on the internal port that have not shown their token.
  public var maxPresenting = 4096
  /// `max_presenting_per_source`, same range: of one source. Default (nil): as many as are free for others, so at most half.
  public var maxPresentingPerSource: Int?

  /// `dial_timeout`, 0.1…300 seconds, default 5: all attempts of one stream to reach its target.
  public var dialTimeout: Duration = .seconds(5)
  /// `idle_timeout`, 0…604800 seconds, default 3600: a stream without a byte in either direction. 0 means never.
  public var idleTimeout: Duration = .seconds(3600)
  /// `drain_timeout`, 0…3600 seconds, default 3: what open streams get at the stop; the rest has 2 s, so that a stop takes 5 s.
  public var drainTimeout: Duration = .seconds(3)

  /// `max_streams`, 1…16777216: streams at one time. Default (nil): as many as the descriptor limit has room for.
  public var maxStreams: Int?
  /// `max_streams_per_source`, 1…16777216: of one source (IPv4 address, IPv6 /64). Default (nil): as many as are free for others, so at most
  /// half of `max_streams`.
  public var maxStreamsPerSource: Int?
  /// `max_streams_per_name`, 1…16777216: of one server name. Default (nil): sixteen times what is free for others, so at most 94 % of `max_streams`.
  public var maxStreamsPerName: Int?
  /// `descriptor_reserve`, 16…65536, default 256: descriptors that streams may not use.
  public var descriptorReserve = 256
  /// `listen_backlog`, 1…65535, default 4096: connections that the kernel completes before they are accepted.
  public var listenBacklog = 4096

  /// `pipe_size`, 65536 to 1048576 bytes: the pipe that bulk is spliced through.
  public var pipeSize = 512 << 10
  /// `pipes_per_loop`, 0 to 4096: pipes that one loop lends at a time. 0: everything is copied.
  public var pipesPerLoop = 64

  /// `dial_from`, default none: numeric addresses from which to dial, at most one of each family. The kernel chooses where there is none.
  public var dialFrom: [String] = []
  /// `keepalive_idle`, 1…32767 whole seconds, default 30: silence before the first keepalive probe.
  public var keepaliveIdle: Duration = .seconds(30)
  /// `keepalive_interval`, 1…32767 whole seconds, default 10: between probes.
  public var keepaliveInterval: Duration = .seconds(10)
  /// `keepalive_probes`, 1…127, default 4: how many may stay unanswered.
  public var keepaliveProbes = 4

  /// The defaults.
  public init() {}
}

extension RelayLimits {
  private static let streams: ClosedRange<Int64> = 1...16_777_216
  private static let waiting: ClosedRange<Int64> = 1...1_048_576
  private static let budget: ClosedRange<Int64> = 65_536...17_179_869_184
  private static let timeout = 0.1...300.0
  /// What the kernel takes (tcp(7): MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT).
  private static let keepalive: ClosedRange<Int64> = 1...32_767
  private static let probes: ClosedRange<Int64> = 1...127

  init(_ section: Section) {
    self.init()
    loops = section.integer("loops", in: 1...256)
    helloTimeout = section.seconds("hello_timeout", in: Self.timeout) ?? helloTimeout
    // From the widest to the narrowest: a default never exceeds a bound that somebody has set lower.
    helloBudget = section.integer("hello_budget", in: Self.budget) ?? helloBudget
    helloBudgetPerSource = section.integer("hello_budget_per_source", in: Self.budget) ?? min(helloBudgetPerSource, helloBudget)
    helloBytes = section.integer("hello_bytes", in: 1024...1_048_576) ?? min(helloBytes, helloBudgetPerSource)
    helloMessageBytes = section.integer("hello_message_bytes", in: 512...1_048_576) ?? min(helloMessageBytes, helloBytes)
    tokenTimeout = section.seconds("token_timeout", in: Self.timeout) ?? tokenTimeout
    maxWaiting = section.integer("max_waiting", in: Self.waiting) ?? maxWaiting
    maxWaitingPerSource = section.integer("max_waiting_per_source", in: Self.waiting)
    maxWaitingPerName = section.integer("max_waiting_per_name", in: Self.waiting)
    maxPresentingPerSource = section.integer("max_presenting_per_source", in: Self.waiting)
    maxPresenting = section.integer("max_presenting", in: Self.waiting) ?? maxPresenting
    dialTimeout = section.seconds("dial_timeout", in: Self.timeout) ?? dialTimeout
    idleTimeout = section.seconds("idle_timeout", in: 0...604_800) ?? idleTimeout
    drainTimeout = section.seconds("drain_timeout", in: 0...3600) ?? drainTimeout
    maxStreams = section.integer("max_streams", in: Self.streams)
    maxStreamsPerSource = section.integer("max_streams_per_source", in: Self.streams)
    maxStreamsPerName = section.integer("max_streams_per_name", in: Self.streams)
    descriptorReserve = section.integer("descriptor_reserve", in: 16...65_536) ?? descriptorReserve
    listenBacklog = section.integer("listen_backlog", in: 1...65_535) ?? listenBacklog
    pipeSize = section.integer("pipe_size", in: 65_536...1_048_576) ?? pipeSize
    pipesPerLoop = section.integer("pipes_per_loop", in: 0...4096) ?? pipesPerLoop
    dialFrom = DialSource.list(section, "dial_from")
    keepaliveIdle = section.integer("keepalive_idle", in: Self.keepalive).map { .seconds($0) } ?? keepaliveIdle
    keepaliveInterval = section.integer("keepalive_interval", in: Self.keepalive).map { .seconds($0) } ?? keepaliveInterval
    keepaliveProbes = section.integer("keepalive_probes", in: Self.probes) ?? keepaliveProbes
    checkTogether(section)
    section.finish()
  }

  private func checkTogether(_ section: Section) {
    if helloMessageBytes > helloBytes {
      section.fail("hello_message_bytes", "expected at most hello_bytes (\(helloBytes)), found \(helloMessageBytes)")
    }
    if helloBudgetPerSource > helloBudget {
      section.fail("hello_budget_per_source", "expected at most hello_budget (\(helloBudget)), found \(helloBudgetPerSource)")
    }
    if helloBytes > helloBudgetPerSource {
      section.fail("hello_bytes", "expected at most hello_budget_per_source (\(helloBudgetPerSource)), found \(helloBytes)")
    }
  }
}
