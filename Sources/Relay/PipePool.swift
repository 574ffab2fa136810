/// The pipes of one loop: lent to a direction while bytes of it are in there, and to nobody else.
///
/// A receiver that does not read keeps the pipe that its bytes are in. So that a few of those cannot keep all, the last
/// pipes (`isScarce`) are lent for small pieces only, which their borrower takes out again when it has to wait.
///
/// Owns its pipes: they are closed with it at the latest.
struct PipePool: ~Copyable {
  /// The name of a pipe in this pool, small enough for a slot.
  struct Number: Equatable {
    static let none = Number(raw: .max)
    fileprivate let raw: UInt16
  }

  /// The part of the pool, one in so many, that is lent for small pieces only.
  static let reservePart = 4

  let limit: Int
  private let size: Int
  private let open: @Sendable (Int) -> Pipe?
  private var pipes: [Pipe?] = []
  /// Empty ones; the last one back is the first one lent, since its memory is warm.
  private var idle: [UInt16] = []
  /// Numbers of closed ones.
  private var vacant: [UInt16] = []
  private(set) var borrowed = 0
  /// How few were idle at any time since the last trim.
  private var lowestIdle = 0

  /// - Parameters:
  ///   - limit: how many there may be; 0 for none.
  ///   - size: bytes each should take.
  ///   - open: makes one, or nil when the system refuses.
  init(limit: Int, size: Int, open: @escaping @Sendable (Int) -> Pipe? = Pipe.open) {
    self.limit = min(max(0, limit), Int(Number.none.raw))
    self.size = size
    self.open = open
  }

  deinit {
    for pipe in pipes { pipe?.close() }
  }

  /// Pipes that are open.
  var count: Int { borrowed + idle.count }

  /// Whether a pipe lent now has to come back at the end of the pump.
  var isScarce: Bool { borrowed > limit - max(1, limit / Self.reservePart) }

  /// The pipe behind a number. Nil for a number that is not lent.
  subscript(number: Number) -> Pipe? {
    Int(number.raw) < pipes.count ? pipes[Int(number.raw)] : nil
  }

  /// An empty pipe; nil when all are lent or the system refuses another one.
  mutating func borrow() -> Number? {
    if let number = idle.popLast() {
      lowestIdle = min(lowestIdle, idle.count)
      borrowed += 1
      return Number(raw: number)
    }
    guard borrowed < limit, let pipe = open(size) else { return nil }
    borrowed += 1
    if let number = vacant.popLast() {
      pipes[Int(number)] = pipe
      return Number(raw: number)
    }
    pipes.append(pipe)
    return Number(raw: UInt16(pipes.count - 1))
  }

  /// Takes an empty pipe back.
  mutating func giveBack(_ number: Number) {
    guard self[number] != nil else { return }
    borrowed -= 1
    idle.append(number.raw)
  }

  /// Closes a lent pipe: what is in it must not reach the next borrower.
  mutating func discard(_ number: Number) {
    guard let pipe = self[number] else { return }
    pipe.close()
    borrowed -= 1
    pipes[Int(number.raw)] = nil
    vacant.append(number.raw)
  }

  /// Closes those that nobody needed since the last call, the longest unused first.
  mutating func trim() {
    for number in idle.prefix(lowestIdle) { close(number) }
    idle.removeFirst(lowestIdle)
    lowestIdle = idle.count
  }

  /// Closes all that are not lent.
  mutating func closeIdle() {
    lowestIdle = idle.count
    trim()
  }

  private mutating func close(_ number: UInt16) {
    pipes[Int(number)]?.close()
    pipes[Int(number)] = nil
    vacant.append(number)
  }
}
