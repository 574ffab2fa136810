/// How long to wait before the next attempt to reach something (DESIGN.md 4). A value; randomness comes from outside.
public struct Backoff: Sendable {
  /// How the last attempt ended.
  public enum FailureKind: Hashable, Sendable, CaseIterable {
    /// It refuses or cannot be reached: it is probably about to start.
    case unreachable
    /// It accepted and then failed: it is there, but not well.
    case failedAfterAccept
    /// It refused us for our identity or a missing permission: somebody has to change something.
    case refused
  }

  /// The first wait; it doubles with every further failure.
  public static let first = Duration.milliseconds(200)
  /// The longest wait for something unreachable: links are to heal within two seconds.
  public static let unreachableLimit = Duration.seconds(1)
  /// The longest wait for something that fails after accepting, to leave it room to recover.
  public static let failedLimit = Duration.seconds(5)
  /// The wait after a refusal, which only people can end.
  public static let refused = Duration.seconds(30)
  /// Waits vary by this share to either side, so that many clients do not come back at once.
  public static let jitter = 0.2

  private let randomness: @Sendable () -> Double
  private var failures = 0

  /// - Parameter randomness: a number from 0 up to 1 at every call.
  public init(randomness: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }) {
    self.randomness = randomness
  }

  /// The wait before the next attempt.
  public mutating func next(after kind: FailureKind) -> Duration {
    let wait: Duration
    switch kind {
    case .unreachable: wait = min(doubled, Self.unreachableLimit)
    case .failedAfterAccept: wait = min(doubled, Self.failedLimit)
    case .refused: wait = Self.refused
    }
    // Beyond the largest limit doubling changes nothing, and the power must not overflow.
    failures = min(failures + 1, Self.doublings)
    return wait * (1 - Self.jitter + 2 * Self.jitter * randomness())
  }

  /// After a success the next failure waits the shortest time again.
  public mutating func reset() {
    failures = 0
  }

  private static let doublings = 5

  private var doubled: Duration { Self.first * (1 << failures) }
}
