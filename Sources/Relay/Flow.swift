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
  /// Read from the source and write to the sink.
  case read
  /// The source has ended and everything is delivered: end the sink's half.
  case passOnEnd
  /// Nothing can be done until the kernel reports something.
  case wait
  /// One of the ends is lost and nothing more can be delivered.
  case giveUp
  /// This direction is over.
  case done
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
  /// Bytes written to the sink.
  var delivered: UInt64 = 0

  var isDone: Bool { state == .finished || state == .broken }

  /// What to do now, given what is known about the two sockets.
  func nextStep(source: Readiness, sink: Readiness) -> PumpStep {
    Self.nextStep(state, keeps: !spill.isEmpty, source: source, sink: sink)
  }

  static func nextStep(_ state: State, keeps: Bool, source: Readiness, sink: Readiness) -> PumpStep {
    switch state {
    case .finished, .broken:
      return .done
    case .open, .ending:
      if sink.contains(.failed) { return .giveUp }
      if keeps {
        if sink.contains(.writable) { return .flush }
      } else if state == .ending {
        return .passOnEnd
      } else if source.contains(.readable), sink.contains(.writable) {
        return .read
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

  /// One of the ends is lost: what is kept is thrown away. Ignored once finished.
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
