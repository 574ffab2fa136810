/// Whether a direction copies its bytes or splices them.
///
/// Copying costs one pass over every byte; splicing costs a pipe and a system call more per piece. So a direction begins by
/// copying, changes when its reads fill the buffer, and goes back when what comes is small again.
struct BulkPolicy: Equatable {
  enum Mode: UInt8, CaseIterable {
    /// Through the loop's buffer. To `splicing`.
    case copying
    /// Through a pipe. To `copying`, `barred`.
    case splicing
    /// The kernel cannot splice between these sockets: copied to the end.
    case barred
  }

  /// Reads in a row that fill the buffer before a direction counts as bulk. 2: one is a large request.
  static let fullReads: UInt8 = 2
  /// Dry pumps in a row before it no longer does. 4: a sender with a small window pauses now and then.
  static let dryPumps: UInt8 = 4
  /// A pump that moved less than this before the source was dry is a dry one. 16 KiB: one TLS record.
  static let trickle = 16 << 10

  private(set) var mode = Mode.copying
  /// Full reads while copying, dry pumps while splicing.
  private var streak: UInt8 = 0

  var splices: Bool { mode == .splicing }

  /// A read into a buffer of `capacity` bytes gave `count`.
  mutating func copied(_ count: Int, of capacity: Int) {
    guard mode == .copying else { return }
    streak = count == capacity ? streak + 1 : 0
    if streak >= Self.fullReads { enter(.splicing) }
  }

  /// The source gave out after `moved` bytes of one pump.
  mutating func ranDry(after moved: UInt64) {
    guard mode == .splicing else { return }
    streak = moved < Self.trickle ? streak + 1 : 0
    if streak >= Self.dryPumps { enter(.copying) }
  }

  /// There is no pipe to be had now: it is asked for again after as much bulk as the first time.
  mutating func noPipe() {
    if mode == .splicing { enter(.copying) }
  }

  mutating func notSupported() { enter(.barred) }

  private mutating func enter(_ next: Mode) {
    mode = next
    streak = 0
  }
}
