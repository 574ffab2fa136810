extension SettingsValue {
  /// Merges what was loaded later over this value (PROTOCOL.md 2.3).
  ///
  /// Maps are merged key by key, lists are concatenated, null on either side gives way to the other, and anything else is
  /// replaced. A key that ends in `!` replaces outright; it stands for the key without the `!`, also where there is
  /// nothing to replace.
  func merged(with later: SettingsValue) -> SettingsValue {
    switch (content, later.content) {
    case (.map(let left), .map(let right)):
      var members = left
      for member in right {
        let isOverride = member.key.hasSuffix("!")
        let key = isOverride ? String(member.key.dropLast()) : member.key
        guard let index = members.firstIndex(where: { $0.key == key }) else {
          members.append(Member(key: key, position: member.position, value: member.value.withoutOverrides))
          continue
        }
        let value = isOverride ? member.value.withoutOverrides : members[index].value.merged(with: member.value)
        if value != members[index].value { members[index].position = member.position }
        members[index].value = value
      }
      return SettingsValue(.map(members), at: position, isConcealed: isConcealed)
    case (.list(let left), .list(let right)):
      return SettingsValue(.list(left + right.map(\.withoutOverrides)), at: position, isConcealed: isConcealed)
    case (_, .null): return self
    default: return later.withoutOverrides
    }
  }

  /// The same value with `!` taken off the keys, for what had nothing to be merged with.
  var withoutOverrides: SettingsValue {
    switch content {
    case .map: return SettingsValue(.map([]), at: position, isConcealed: isConcealed).merged(with: self)
    case .list(let elements):
      return SettingsValue(.list(elements.map(\.withoutOverrides)), at: position, isConcealed: isConcealed)
    case .null, .bool, .integer, .number, .string: return self
    }
  }
}
