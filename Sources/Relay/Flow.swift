/// What the kernel last said about a socket. Edge-triggered: a bit stays set until a call says otherwise.
struct Readiness: OptionSet {
  let rawValue: UInt8

  /// Reading may give something: bytes, an end, an error.
  static let readable = Readiness(rawValue: 1)
  static let writable = Readiness(rawValue: 2)
  /// The peer has ended its half, so a short read is not a sign that the socket is dry.
  static let endSeen = Readiness(rawValue: 4)
  /// The connection was reset or lost.
  static let failed = Readiness(rawValue: 8)
}

/// What a direction does next.
enum PumpStep: Equatable {
  /// Write the bytes that are kept.
  case flush
  /// Splice the pipe's bytes to the sink.
  case drain
  /// Read from the source and write to the sink.
  case read
  /// Splice from the source to an empty pipe.
  case fill
  /// The source has ended and everything is delivered: end the sink's half.
  case passOnEnd
  /// Nothing can be done until the kernel reports something.
  case wait
  /// One of the ends is lost and nothing more can be delivered.
  case giveUp
  /// This direction is over.
  case done
}

/// Where the bytes are that came from the source and have not gone to the sink. Never in two places.
enum Holding: CaseIterable {
  case nothing
  case spill
  case pipe
}

/// One direction of a relayed stream: which step comes next. Knows no descriptor and makes no call.
struct Flow {
  enum State: UInt8, CaseIterable {
    /// Bytes may come. To `ending`, `broken`.
    case open
    /// The source has ended; kept bytes may still have to be written. To `finished`, `broken`.
    case ending
    /// The end was passed on.
    case finished
    /// Given up: an end was lost.
    case broken
  }

  private(set) var state = State.open
  /// Bytes that were read and could not be written yet.
  var spill = Spill()
  /// The pipe that is lent to this direction.
  var pipe = PipePool.Number.none
  /// Bytes in that pipe.
  var parked: UInt32 = 0
  var policy = BulkPolicy()
  /// Bytes written to the sink.
  var delivered: UInt64 = 0

  @inline(__always) var isOpen: Bool { state == .open }
  @inline(__always) var isDone: Bool { state == .finished || state == .broken }

  @inline(__always) var holding: Holding { parked > 0 ? .pipe : spill.isEmpty ? .nothing : .spill }

  /// Whether the next step, once the source has bytes, is to read them and write them on: the same as `nextStep` gives,
  /// asked for nearly every event.
  func copiesStraight(to sink: Readiness) -> Bool {
    state == .open && holding == .nothing && policy.mode != .splicing && sink.isSuperset(of: .writable) && !sink.contains(.failed)
  }

  /// Whether there may be anything to do now: false only when `nextStep` gives `wait` or `done`. Asked of both directions
  /// when something is known of one.
  @inline(__always)
  func canMove(from source: Readiness, to sink: Readiness) -> Bool {
    if isDone { return false }
    return state == .ending || holding != .nothing || source.contains(.readable) || !source.union(sink).isDisjoint(with: .failed)
  }

  /// What to do now, given what is known about the two sockets.
  func nextStep(source: Readiness, sink: Readiness) -> PumpStep {
    Self.nextStep(state, holding, policy.mode, source: source, sink: sink)
  }

  static func nextStep(
    _ state: State, _ holding: Holding, _ mode: BulkPolicy.Mode, source: Readiness, sink: Readiness
  ) -> PumpStep {
    switch state {
    case .finished, .broken:
      return .done
    case .open, .ending:
      if sink.contains(.failed) { return .giveUp }
      let isWritable = sink.contains(.writable)
      switch holding {
      case .spill: if isWritable { return .flush }
      case .pipe: if isWritable { return .drain }
      case .nothing:
        if state == .ending { return .passOnEnd }
        // Into an empty pipe only: there EAGAIN can but mean that the source is dry, never that the pipe is full.
        if isWritable, source.contains(.readable) { return mode == .splicing ? .fill : .read }
      }
      // A lost source sends nothing more, and its reset must not wait for a sink that does not read.
      return source.contains(.failed) ? .giveUp : .wait
    }
  }

  /// The source has said its last byte. Ignored in any state but `open`.
  mutating func sourceEnded() {
    if state == .open { state = .ending }
  }

  /// The sink's half was ended. Ignored in any state but `ending`.
  mutating func endPassedOn() {
    if state == .ending { state = .finished }
  }

  /// One of the ends is lost: what is kept is thrown away, and a pipe with bytes in it is to be closed by its owner.
  /// Ignored once finished.
  mutating func broke() {
    if !isDone { state = .broken }
    spill.free()
  }
}

/// What becomes of the two sockets of a stream.
enum Closing: Equatable {
  case keep
  /// Both directions are over and delivered.
  case close
  /// The other end was lost: this one must learn it by a reset.
  case reset(End)
  /// Both are lost.
  case discard

  static func decide(upDone: Bool, downDone: Bool, downstream: Readiness, upstream: Readiness) -> Closing {
    guard upDone, downDone else { return .keep }
    switch (downstream.contains(.failed), upstream.contains(.failed)) {
    case (false, false): return .close
    case (true, false): return .reset(.upstream)
    case (false, true): return .reset(.downstream)
    case (true, true): return .discard
    }
  }
}
