/// How many of something limited each of many may have at one time, so that one who takes all it can leaves room for others.
///
/// A fair share is measured against what is free: whoever asks gets a place while it has less than `weight` times that. With a
/// weight of 1 one who takes all it can gets half of the places, two of them a third each, `n` of them one `n + 1`th each, and as
/// much stays free for those who come then (the dynamic thresholds of Choudhury and Hahne, 1998). Nobody has to be known in
/// advance and nothing has to be configured per source.
public struct ShareRule: Hashable, Sendable {
  /// What one may have at the most.
  public enum Share: Hashable, Sendable {
    /// So many times what is free, at least 1: alone `weight / (weight + 1)` of all.
    case fair(weight: Int)
    /// So many, whatever is free.
    case fixed(Int)

    /// As settings say it: a number, or none for a fair share.
    public init(_ bound: Int?, weight: Int = 1) {
      self = bound.map { .fixed($0) } ?? .fair(weight: weight)
    }
  }

  /// Places in all.
  public var limit: Int
  public var share: Share
  /// What everybody may have of a fair share while anything is free: with a few places nobody is turned away for being greedy.
  public var assured: Int

  public init(limit: Int, share: Share = .fair(weight: 1), assured: Int = 1) {
    self.limit = limit
    self.share = share
    self.assured = assured
  }

  /// Whether one who has `held` places gets another, while `taken` are taken altogether.
  public func verdict(held: Int, taken: Int) -> ShareVerdict {
    taken < limit ? verdict(held: held, free: limit &- taken) : .full
  }

  /// The same where places are known to be free; none or less than none count as none.
  @inlinable
  public func verdict(held: Int, free: Int) -> ShareVerdict {
    switch share {
    case .fixed(let bound): return held < bound ? .admitted : .tooMany
    case .fair(let weight):
      let (product, overflow) = max(0, free).multipliedReportingOverflow(by: weight)
      return held < max(assured, overflow ? .max : product) ? .admitted : .tooMany
    }
  }
}

/// Why a place was given, or not.
public enum ShareVerdict: Hashable, Sendable, CaseIterable {
  case admitted
  /// No place is left.
  case full
  /// The one who asks has as many as one may have.
  case tooMany
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
