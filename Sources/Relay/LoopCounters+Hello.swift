import ClientHello

/// What the hellos of one loop were like.
extension LoopCounters {
  /// Where each figure lies, counted from the first cell of hellos.
  enum HelloCell {
    /// Per measure its classes, then the sum of its values.
    private static let places: [(start: Int, bounds: [UInt64])] = HelloMeasure.allCases.reduce(into: []) { places, measure in
      places.append((places.last.map { $0.start + $0.bounds.count + 2 } ?? 0, measure.bounds))
    }
    static let ech = HelloMeasure.allCases.map { sum(of: $0) + 1 }.max() ?? 0
    static let versions = ech + 1
    static let count = versions + TLSVersion.counted.count

    static func first(of measure: HelloMeasure) -> Int { places[measure.rawValue].start }
    static func sum(of measure: HelloMeasure) -> Int { first(of: measure) + places[measure.rawValue].bounds.count + 1 }
  }

  /// One measure, laid out for counting: the first of its cells, and the upper bounds of its classes, which it owns. Used by its loop only.
  struct HelloScale {
    let first: Int
    let bounds: UnsafeMutableBufferPointer<UInt64>
    /// The class of the last value, and what the values of that class lie above: clients resemble each other.
    private let last: UnsafeMutablePointer<(place: Int, above: UInt64)>

    init(_ measure: HelloMeasure) {
      first = HelloCell.first(of: measure)
      bounds = .allocate(capacity: measure.bounds.count)
      _ = bounds.initialize(fromContentsOf: measure.bounds)
      last = .allocate(capacity: 1)
      last.initialize(to: (0, 0))
    }

    func deallocate() {
      bounds.deallocate()
      last.deallocate()
    }

    @inline(__always)
    func place(of value: UInt64) -> Int {
      let (place, above) = last.pointee
      return value > above && value <= bounds[place] ? place : search(value)
    }

    private func search(_ value: UInt64) -> Int {
      var place = 0
      while place < bounds.count, value > bounds[place] { place += 1 }
      if place < bounds.count { last.pointee = (place, place == 0 ? 0 : bounds[place - 1]) }
      return place
    }
  }

  func count(_ hello: HelloShape) {
    count(UInt64(hello.messageBytes), messageBytes)
    count(UInt64(hello.rawBytes), rawBytes)
    count(UInt64(hello.records), records)
    count(UInt64(hello.segments), segments)
    if hello.echPresent { add(1, toHello: ech) }
    // The classes of `TLSVersion.counted`, whose last is whatever comes behind TLS 1.3.
    let version = min(max(hello.highestVersion.rawValue, TLSVersion.tls10.rawValue), TLSVersion.tls13.rawValue &+ 1)
    add(1, toHello: ech &+ 1 &+ Int(version &- TLSVersion.tls10.rawValue))
  }

  /// Its class, and the sum.
  @inline(__always)
  private func count(_ value: UInt64, _ scale: HelloScale) {
    add(1, toHello: scale.first &+ scale.place(of: value))
    add(value, toHello: scale.first &+ scale.bounds.count &+ 1)
  }

  func fold(into sum: inout HelloFigures) {
    fold(.messageBytes, into: &sum.messageBytes)
    fold(.rawBytes, into: &sum.rawBytes)
    fold(.records, into: &sum.records)
    fold(.segments, into: &sum.segments)
    sum.withECH += self[hello: HelloCell.ech]
    for (position, version) in TLSVersion.counted.enumerated() {
      sum.byVersion[version, default: 0] += self[hello: HelloCell.versions + position]
    }
  }

  private func fold(_ measure: HelloMeasure, into distribution: inout Distribution) {
    let first = HelloCell.first(of: measure)
    for position in distribution.counts.indices { distribution.counts[position] += self[hello: first + position] }
    distribution.sum += self[hello: HelloCell.sum(of: measure)]
  }
}
