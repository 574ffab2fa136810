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

    /// Its class, and its sum.
    static func holding(_ value: UInt64, of measure: HelloMeasure) -> (class: Int, sum: Int) {
      let (start, bounds) = places[measure.rawValue]
      var place = 0
      while place < bounds.count, value > bounds[place] { place += 1 }
      return (start + place, start + bounds.count + 1)
    }
  }

  func count(_ hello: HelloShape) {
    count(hello.messageBytes, as: .messageBytes)
    count(hello.rawBytes, as: .rawBytes)
    count(hello.records, as: .records)
    count(hello.segments, as: .segments)
    if hello.echPresent { add(1, toHello: HelloCell.ech) }
    add(1, toHello: HelloCell.versions + (TLSVersion.counted.firstIndex { hello.highestVersion <= $0 } ?? 0))
  }

  private func count(_ value: UInt32, as measure: HelloMeasure) {
    let cells = HelloCell.holding(UInt64(value), of: measure)
    add(1, toHello: cells.class)
    add(UInt64(value), toHello: cells.sum)
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
