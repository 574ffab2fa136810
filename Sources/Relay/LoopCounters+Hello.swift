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

    static func holding(_ value: UInt64, of measure: HelloMeasure) -> Int {
      let bounds = places[measure.rawValue].bounds
      return first(of: measure) + (bounds.firstIndex { value <= $0 } ?? bounds.count)
    }
  }

  func count(_ hello: HelloShape) {
    for measure in HelloMeasure.allCases {
      let value = UInt64(measure.value(in: hello))
      add(1, toHello: HelloCell.holding(value, of: measure))
      add(value, toHello: HelloCell.sum(of: measure))
    }
    if hello.echPresent { add(1, toHello: HelloCell.ech) }
    add(1, toHello: HelloCell.versions + (TLSVersion.counted.firstIndex { hello.highestVersion <= $0 } ?? 0))
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
