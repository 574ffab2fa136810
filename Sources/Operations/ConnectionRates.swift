public import Addresses
import Synchronization

/// How many connections one source may open in one window (PROTOCOL.md 11).
public struct ConnectionRate: Hashable, Sendable {
  public enum Window: String, Hashable, Sendable, CaseIterable {
    case second, minute, hour

    /// In seconds.
    var length: Int64 {
      switch self {
      case .second: 1
      case .minute: 60
      case .hour: 3600
      }
    }
  }

  public var window: Window
  /// 1 or more.
  public var limit: Int

  public init(window: Window, limit: Int) {
    self.window = window
    self.limit = limit
  }
}

extension ConnectionRate: CustomStringConvertible {
  public var description: String { "\(limit) per \(window.rawValue)" }
}

/// Counts the connections of one listener by source and window. `table` is the only mutable state, behind its mutex.
public final class ConnectionRates: Sendable {
  public enum Verdict: Hashable, Sendable {
    case admit
    /// The first limit that had been reached already.
    case refuse(ConnectionRate)
  }

  private let table: Mutex<RateTable>

  public init(_ rates: [ConnectionRate]) {
    table = Mutex(RateTable(rates))
  }

  /// Counts one connection, now.
  public func admit(_ source: Source) -> Verdict {
    let now = WallTime.now().milliseconds / 1000
    return table.withLock { $0.admit(source, at: now) }
  }
}

/// The counters behind `ConnectionRates`: a value, with the time as an argument.
///
/// Windows are fixed and begin at whole multiples of their length since 1970, so an hour begins at the full hour of UTC; when a window ends
/// its counters go. A connection is counted against the limits in their order and refused by the first one that had been reached; what
/// the earlier ones counted stays counted.
struct RateTable: Sendable {
  /// Sources with a counter of their own in one window, some 4 MiB.
  static let sourceLimit = 65_536
  /// What the sources beyond share, by a hash that nobody outside can foresee. Who shares may be refused too early, never let in too
  /// often; an attacker with a million addresses gets no more memory than this.
  static let sharedCounters = 4096

  fileprivate struct Window: Sendable {
    var number: Int64 = .min
    var own: [Source: Int] = [:]
    var shared: [Int] = []
  }

  private let rates: [ConnectionRate]
  private let sourceLimit: Int
  private var windows: [Window]

  init(_ rates: [ConnectionRate], sourceLimit: Int = sourceLimit) {
    self.rates = rates
    self.sourceLimit = sourceLimit
    windows = Array(repeating: Window(), count: rates.count)
  }

  /// - Parameter time: seconds since 1970.
  mutating func admit(_ source: Source, at time: Int64) -> ConnectionRates.Verdict {
    for position in rates.indices {
      let number = time / rates[position].window.length
      if windows[position].number != number { windows[position] = Window(number: number) }
      guard windows[position].count(source, upTo: rates[position].limit, sourceLimit: sourceLimit) else { return .refuse(rates[position]) }
    }
    return .admit
  }

  /// Sources with a counter of their own, over all windows.
  var sourceCount: Int { windows.reduce(0) { $0 + $1.own.count } }
}

extension RateTable.Window {
  /// - Returns: false, and nothing is counted, when the limit had been reached.
  fileprivate mutating func count(_ source: Source, upTo limit: Int, sourceLimit: Int) -> Bool {
    if let known = own[source] {
      guard known < limit else { return false }
      own[source] = known + 1
      return true
    }
    if own.count < sourceLimit {
      own[source] = 1
      return true
    }
    if shared.isEmpty { shared = Array(repeating: 0, count: RateTable.sharedCounters) }
    let position = Int(UInt(bitPattern: source.hashValue) % UInt(RateTable.sharedCounters))
    guard shared[position] < limit else { return false }
    shared[position] += 1
    return true
  }
}
