/// How many of something limited each of many may have at one time, so that one who takes all it can leaves room for others.
///
/// A place is given when whoever asks has no more than what is free: one who takes all it can gets half of the places, two of
/// them a third each, `n` of them one `n + 1`th each, and as much stays free for those who come then (the dynamic thresholds
/// of Choudhury and Hahne, 1998). Nobody has to be known in advance and nothing has to be configured per source.
public struct ShareRule: Hashable, Sendable {
  /// Places in all.
  public var limit: Int
  /// What one may have at the most, whatever is free; nil for no such bound.
  public var perSource: Int?
  /// What everybody may have while anything is free: with a few places nobody is turned away for being greedy.
  public var assured: Int

  public init(limit: Int, perSource: Int? = nil, assured: Int = 1) {
    self.limit = limit
    self.perSource = perSource
    self.assured = assured
  }

  /// Whether one who has `held` places gets another, while `taken` are taken altogether.
  public func verdict(held: Int, taken: Int) -> ShareVerdict {
    guard taken < limit else { return .full }
    if let perSource, held >= perSource { return .tooMany }
    return held < max(assured, limit - taken) ? .admitted : .unfair
  }
}

/// Why a place was given, or not.
public enum ShareVerdict: String, Hashable, Sendable, CaseIterable {
  case admitted
  /// No place is left.
  case full
  /// The one who asks has as many as one may have.
  case tooMany = "too_many"
  /// The one who asks has more than what is left for all others.
  case unfair
}

/// Places by who has them. Remembers only those who have some: its size is bounded by the rule's limit.
public struct FairShares<Key: Hashable & Sendable>: Sendable {
  public var rule: ShareRule
  public private(set) var taken = 0
  private var held: [Key: Int] = [:]

  public init(_ rule: ShareRule) {
    self.rule = rule
  }

  /// How many have places.
  public var sources: Int { held.count }

  public func held(by key: Key) -> Int { held[key, default: 0] }

  /// Takes a place if it may be had. Each that was `admitted` has to be given back by `release`.
  public mutating func take(_ key: Key) -> ShareVerdict {
    let present = held[key, default: 0]
    let verdict = rule.verdict(held: present, taken: taken)
    guard verdict == .admitted else { return verdict }
    held[key] = present + 1
    taken += 1
    return .admitted
  }

  /// Gives a place back. One that was never taken is no place, and nothing happens.
  public mutating func release(_ key: Key) {
    guard let present = held[key] else { return }
    held[key] = present > 1 ? present - 1 : nil
    taken -= 1
  }
}
