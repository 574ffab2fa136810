import Synchronization

/// The figures of one loop. Written by its loop only, read by anybody: relaxed atomics, so a write is an ordinary store.
///
/// `@unchecked Sendable`: all stored properties never change; they point to atomics, and to what only its loop uses, which live as long
/// as the object.
final class LoopCounters: @unchecked Sendable {
  enum Kind: Int, CaseIterable {
    case clientsAccepted, tokenConnectionsAccepted, descriptorsExhausted, acceptFailures
    case hellosRead, hellosRefused, tokensMatched, tokensRefused, dialsStarted, dialsFailed
    case bytesUp, bytesDown, bytesSpliced, spliceFallbacks, bytesParked, pipes, alerts, eventsDropped, relaying
  }

  private static let kinds = Kind.allCases.count
  private static let helloCells = kinds + EndCause.allCases.count
  private static let limitCells = helloCells + HelloCell.count
  private static let cells = limitCells + RelayLimit.allCases.count

  private let values: UnsafeMutablePointer<Atomic<UInt64>>
  // For every hello: what would otherwise be looked up.
  let messageBytes = HelloScale(.messageBytes)
  let rawBytes = HelloScale(.rawBytes)
  let records = HelloScale(.records)
  let segments = HelloScale(.segments)
  let ech = HelloCell.ech
  private let firstHelloCell = LoopCounters.helloCells

  init() {
    values = .allocate(capacity: Self.cells)
    for index in 0..<Self.cells { (values + index).initialize(to: Atomic(0)) }
  }

  deinit {
    values.deinitialize(count: Self.cells)
    values.deallocate()
    for scale in [messageBytes, rawBytes, records, segments] { scale.deallocate() }
  }

  @inline(__always)
  func add(_ amount: UInt64 = 1, to kind: Kind) { add(amount, at: kind.rawValue) }

  func subtract(from kind: Kind) { add(UInt64.max, at: kind.rawValue) }

  func set(_ kind: Kind, to value: UInt64) { values[kind.rawValue].store(value, ordering: .relaxed) }

  func countEnd(_ cause: EndCause) { add(1, at: Self.kinds + Int(cause.rawValue)) }

  func count(_ limit: RelayLimit) { add(1, at: Self.limitCells + Int(limit.rawValue)) }

  func add(_ amount: UInt64, toHello cell: Int) { add(amount, at: firstHelloCell &+ cell) }

  subscript(hello cell: Int) -> UInt64 { values[Self.helloCells + cell].load(ordering: .relaxed) }

  /// One writer: a load and a store are enough.
  @inline(__always)
  private func add(_ amount: UInt64, at index: Int) {
    let cell = values + index
    cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  private subscript(kind: Kind) -> UInt64 { values[kind.rawValue].load(ordering: .relaxed) }

  /// Adds this loop's figures to a sum.
  func fold(into sum: inout RelayCounters) {
    sum.relaying += self[.relaying]
    sum.clientsAccepted += self[.clientsAccepted]
    sum.tokenConnectionsAccepted += self[.tokenConnectionsAccepted]
    sum.descriptorsExhausted += self[.descriptorsExhausted]
    sum.acceptFailures += self[.acceptFailures]
    sum.hellosRead += self[.hellosRead]
    sum.hellosRefused += self[.hellosRefused]
    sum.tokensMatched += self[.tokensMatched]
    sum.tokensRefused += self[.tokensRefused]
    sum.dialsStarted += self[.dialsStarted]
    sum.dialsFailed += self[.dialsFailed]
    sum.bytesUp += self[.bytesUp]
    sum.bytesDown += self[.bytesDown]
    sum.bytesSpliced += self[.bytesSpliced]
    sum.spliceFallbacks += self[.spliceFallbacks]
    sum.bytesParked += self[.bytesParked]
    sum.pipes += self[.pipes]
    sum.alerts += self[.alerts]
    sum.eventsDropped += self[.eventsDropped]
    fold(into: &sum.hellos)
    for limit in RelayLimit.allCases {
      sum.limitsReached[limit, default: 0] += values[Self.limitCells + Int(limit.rawValue)].load(ordering: .relaxed)
    }
    for cause in EndCause.allCases {
      let count = values[Self.kinds + Int(cause.rawValue)].load(ordering: .relaxed)
      if count > 0 { sum.ended[cause, default: 0] += count }
    }
  }
}
