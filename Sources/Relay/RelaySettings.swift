public import ClientHello
public import Limits

/// Every bound of the data plane. Each has a default with its reason; all are checked nowhere else.
public struct RelaySettings: Sendable {
  /// How many loops (threads). Default: one per two cores, at least one: on few cores a second loop costs 8–22 % more CPU
  /// per byte and gains nothing.
  public var loops: Int

  // MARK: Hellos

  /// How large a hello may be.
  public var helloLimits = HelloLimits()
  /// From accept to a complete hello. 5 s: a hello is sent at once; what takes longer is a scanner or a slow loris.
  public var helloTimeout: Duration = .seconds(5)
  /// Bytes of hellos held for streams that have no destination yet, all together. 64 MiB: thirty thousand of today's
  /// hellos, or 250 of the largest legal ones.
  public var helloBudget = 64 << 20
  /// The part of `helloBudget` that one source may use. 8 MiB: an eighth, so that seven abusers do not stop the rest.
  public var helloBudgetPerSource = 8 << 20

  // MARK: Waiting

  /// From a complete hello to the arrival of the private side, the control plane's decision included (`accept_timeout`).
  /// 10 s: two dials of a bad mobile link.
  public var tokenWait: Duration = .seconds(10)
  /// From accept on the token port to the 32nd byte. 5 s, as the deployed network does it.
  public var tokenPresentation: Duration = .seconds(5)
  /// Clients that may wait for a decision or for their private side at one time. 16 384: at 10 s each a rate of 1600
  /// clients per second to a side that does not answer.
  public var maxWaiting = 16_384
  /// The part of `maxWaiting` that one source may use. Nil: as many as are free for others, so at most half.
  public var maxWaitingPerSource: Int?
  /// The part of `maxWaiting` that the clients of one server name may use. Nil: as many as are free for others, so at most half:
  /// a private side that does not answer costs the others no place.
  public var maxWaitingPerName: Int?
  /// Connections on the token port that have not shown their token. 4096: they cost a descriptor each for up to 5 s. Never more than
  /// a sixteenth of the descriptor limit (`DescriptorBudget`).
  public var maxPresenting = 4096
  /// The part of `maxPresenting` that one source may use. Nil: as many as are free for others, so at most half.
  public var maxPresentingPerSource: Int?

  // MARK: Routing

  /// Asked for every complete hello that names a server, before anybody else: `ask`, and `helloArrived` lets the control plane
  /// decide, or what is decided already. Asked on the loops: must return at once, wait for nothing and take no lock that
  /// anybody holds for long. For names that always go to the same address and for those that nobody has, so that they cost
  /// no trip to another thread.
  public var decide: (@Sendable (ClientHelloFacts) -> HelloDecision)?

  // MARK: Dialling

  /// All attempts of one stream to reach its targets. 5 s: half of what the client's side waits by default.
  public var dialTimeout: Duration = .seconds(5)
  /// Numeric addresses from which to dial, at most one of each family. Empty: the kernel chooses by its routes. For machines
  /// with several addresses, of which the other side lets one through.
  public var dialFrom: [String] = []

  // MARK: Relaying

  /// Without a byte in either direction. One hour: longer than what NATs and mobile networks keep, so that what ends by it
  /// is dead; TCP keepalive finds vanished peers earlier. Zero means never.
  public var idleTimeout: Duration = .seconds(3600)
  /// The loop's one buffer. 64 KiB: larger ones cost L2 cache, smaller ones system calls.
  public var copyBuffer = 64 << 10
  /// Bytes of a pipe through which bulk is spliced. 512 KiB: twice that was no better when measured, half of it 15 to 90 %
  /// worse. Where the system gives less, from 64 KiB on, that is used.
  public var pipeSize = 512 << 10
  /// Pipes of one loop; 0: everything is copied. 64: with 512 KiB each half of what one unprivileged user may have
  /// (`fs.pipe-user-pages-soft`), so that two proxies fit. Also the bound of what slow receivers leave in pipes: three
  /// quarters of it, times `pipeSize`. At most an eighth of the descriptor limit goes to pipes, two each.
  public var pipesPerLoop = 64
  /// A pipe that nobody needed for this long is closed. 10 s: bursts of one page's downloads share pipes.
  public var pipeRest: Duration = .seconds(10)
  /// Makes a pipe of a size; nil when the system refuses. Replaced by tests of the refusal.
  var openPipe: @Sendable (Int) -> Pipe? = Pipe.open
  /// Silence before the first keepalive probe, between probes, and how many may stay unanswered. 30 s: under every NAT's
  /// limit that we know of; dead after 30 + 4 · 10 s.
  public var keepaliveIdle: Duration = .seconds(30)
  public var keepaliveInterval: Duration = .seconds(10)
  public var keepaliveProbes = 4

  // MARK: Refusing

  /// What is read and thrown away behind an alert so that it is not lost to a reset. 64 KiB: what a client may have sent
  /// before it looks at an answer. On the private side the hello itself comes on top (`helloLimits.rawBytes`).
  public var discardBytes = 64 << 10
  /// How long that may take. 1 s: a few round trips of a bad link.
  public var discardTimeout: Duration = .seconds(1)

  // MARK: Streams and descriptors

  /// Streams at one time. Nil: as many as the descriptor limit has room for, two each, less the reserve.
  public var maxStreams: Int?
  /// Streams of one source (IPv4 address, IPv6 /64) at one time. Nil: as many as are free for others, so at most half of
  /// `maxStreams`. Sources and names are counted in 65 536 buckets under a random key: two may share one.
  public var maxStreamsPerSource: Int?
  /// Streams of one server name at one time, whoever routes them. Nil: sixteen times what is free for others, so at most
  /// 94 % of `maxStreams`: the one name of a small site may use nearly everything, an attacked name not quite.
  public var maxStreamsPerName: Int?
  /// How often one source may connect; each is a bound of its own. Counted right after accept. None: many clients behind
  /// one address are a normal sight.
  public var sourceRates: [Pace] = []
  /// How often one server name may be asked for, by all clients together. Names that nobody has do not count.
  public var nameRates: [Pace] = []
  /// Descriptors that streams may not use: for the control plane, the store and the listeners. 256: a node holds a dozen,
  /// a busy one some dozens of HTTP connections.
  public var descriptorReserve = 256
  /// Connections that the kernel completes before we accept them. 4096, the kernel's own cap (`net.core.somaxconn`).
  public var listenBacklog = 4096
  /// How long a listener rests when descriptors have run out. 100 ms: long enough not to spin, short enough not to be felt.
  public var acceptPause: Duration = .milliseconds(100)

  // MARK: Towards the control plane

  /// Events nobody has read yet. 32 768: more than all waiting streams together. What finds no room is dropped and counted;
  /// the stream it was about ends by its own timer.
  public var maxQueuedEvents = 32_768
  /// Orders a loop has not carried out yet. 65 536: several per stream. What finds no room is dropped and counted.
  public var maxQueuedOrders = 65_536
  /// How many ends of refused clients that the control plane never heard of are told in a second, of each cause and by each
  /// loop; the others are counted, and the next one that is told says how many. 10: enough for a log.
  public var refusalsTold = 10
  /// The same notice is sent no more often than this.
  public var noticeInterval: Duration = .seconds(10)

  /// Defaults for this machine.
  public init() {
    loops = max(1, Machine.cores / 2)
  }
}
