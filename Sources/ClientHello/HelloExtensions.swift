/// The types of extensions that we read (RFC 8446 4.2).
private enum ExtensionType {
  static let serverName = 0
  static let applicationProtocols = 16
  static let preSharedKey = 41
  static let supportedVersions = 43
  /// RFC 9849.
  static let encryptedClientHello = 0xFE0D
}

/// What the extensions of a hello say about where it wants to go. Those nobody asked about are skipped whatever they hold.
struct HelloExtensions {
  var serverName: String?
  var protocols: [[UInt8]] = []
  var highestVersion: TLSVersion
  var hasECH = false

  /// - Parameter bytes: the extensions, to the end of the message.
  static func read(
    _ bytes: RawSpan, legacyVersion: TLSVersion, names: inout RecentNames
  ) throws(HelloRefusal) -> HelloExtensions {
    let end = bytes.byteCount
    var hasECH = false
    // Where those lie that are read when all have been seen; at 0 lies none.
    var (nameStart, nameEnd, protocolsStart, protocolsEnd, versionsStart, versionsEnd) = (0, 0, 0, 0, 0, 0)
    var position = 0
    var seen = NumberSet()
    var allDiffer = false
    // The type and the length of what follows, two bytes each.
    while end &- position >= 4 {
      let head = bytes.quad(at: position)
      let start = position &+ 4
      position = start &+ Int(head & 0xFFFF)
      guard position <= end else { throw HelloRefusal(.extensionOverrun) }
      // RFC 8446 4.2: not more than one of the same type. GREASE types must differ, too (RFC 8701 3.1).
      let type = Int(head >> 16)
      if !seen.insert(type), !allDiffer {
        guard seen.isOverfull, typesDiffer(bytes) else { throw HelloRefusal(.duplicateExtension) }
        allDiffer = true
      }
      switch type {
      case ExtensionType.serverName: (nameStart, nameEnd) = (start, position)
      case ExtensionType.applicationProtocols: (protocolsStart, protocolsEnd) = (start, position)
      case ExtensionType.supportedVersions: (versionsStart, versionsEnd) = (start, position)
      case ExtensionType.encryptedClientHello: hasECH = true
      case ExtensionType.preSharedKey:
        // RFC 8446 4.2.11: must be the last, and servers must check that.
        guard position == end else { throw HelloRefusal(.preSharedKeyNotLast) }
      default: break
      }
    }
    guard position == end else { throw HelloRefusal(.extensionOverrun) }
    return HelloExtensions(
      serverName: nameStart > 0 ? try serverName(bytes.extracting(nameStart..<nameEnd), &names) : nil,
      protocols: protocolsStart > 0 ? try protocols(bytes.extracting(protocolsStart..<protocolsEnd)) : [],
      highestVersion: try (versionsStart > 0 ? highestVersion(bytes.extracting(versionsStart..<versionsEnd)) : nil) ?? legacyVersion,
      hasECH: hasECH)
  }

  /// For more extensions than anybody sends: whether no type comes twice, as far as they can be told apart. Costs a bit for each type there is.
  private static func typesDiffer(_ bytes: RawSpan) -> Bool {
    let end = bytes.byteCount
    var seen = [UInt64](repeating: 0, count: 1 << 10)
    var position = 0
    while end - position >= 4 {
      let type = bytes.pair(at: position)
      let bit: UInt64 = 1 << UInt64(type & 63)
      guard seen[type >> 6] & bit == 0 else { return false }
      seen[type >> 6] |= bit
      position += 4 + bytes.pair(at: position + 2)
    }
    return true
  }

  /// RFC 6066 3: a list of names, at most one of each type; only type 0 is defined.
  private static func serverName(_ bytes: RawSpan, _ names: inout RecentNames) throws(HelloRefusal) -> String? {
    let end = bytes.byteCount
    guard end > 2, bytes.pair(at: 0) == end &- 2 else { throw HelloRefusal(.badServerNameList) }
    // One host name, which is all that anybody sends.
    if end > 5, bytes.byte(at: 2) == 0, bytes.pair(at: 3) == end &- 5 { return try names.name(bytes.extracting(5..<end)) }
    var position = 2
    // A bit for each type.
    var seen = InlineArray<4, UInt64>(repeating: 0)
    var name: String?
    while position < end {
      // Names of types to come begin with a length of two bytes, too: RFC 6066 3 promises it.
      let type = try bytes.integer(1, at: &position, else: .badServerNameList)
      let nameEnd = try bytes.vector(2, at: &position, else: .badServerNameList)
      let bit: UInt64 = 1 << UInt64(type & 63)
      guard seen[type >> 6] & bit == 0 else { throw HelloRefusal(.duplicateNameType) }
      seen[type >> 6] |= bit
      if type == 0 { name = try names.name(bytes.extracting(position..<nameEnd)) }
      position = nameEnd
    }
    return name
  }

  /// RFC 7301 3.1: ProtocolName protocol_name_list<2..2^16-1>, each of 1 to 255 bytes.
  private static func protocols(_ bytes: RawSpan) throws(HelloRefusal) -> [[UInt8]] {
    let end = bytes.byteCount
    guard end > 2, bytes.pair(at: 0) == end &- 2 else { throw HelloRefusal(.badALPN) }
    var position = 2
    if let usual = UsualProtocols.list(for: bytes.extracting(position..<end)) { return usual }
    var list: [[UInt8]] = []
    while position < end {
      let idEnd = try bytes.vector(1, at: &position, else: .badALPN)
      guard position < idEnd else { throw HelloRefusal(.badALPN) }
      if list.count < ClientHelloFacts.maximumProtocols {
        list.append(bytes.extracting(position..<idEnd).withUnsafeBytes { Array($0) })
      }
      position = idEnd
    }
    return list
  }

  /// RFC 8446 4.2.1: ProtocolVersion versions<2..254>. GREASE and drafts (0x7fxx) stand among the versions; nil when
  /// nothing else does.
  @inline(__always)
  private static func highestVersion(_ bytes: RawSpan) throws(HelloRefusal) -> TLSVersion? {
    let end = bytes.byteCount
    guard end >= 3, bytes.byte(at: 0) == end &- 1, !end.isMultiple(of: 2) else { throw HelloRefusal(.badSupportedVersions) }
    var highest = 0
    var position = 1
    while position < end {
      let version = bytes.pair(at: position)
      position &+= 2
      if version >> 8 == 3 { highest = max(highest, version) }
    }
    guard highest > 0 else { return nil }
    // RFC 8446 D.5: SSL 3.0 must not be negotiated for any reason, and this client offers nothing better.
    guard highest >= TLSVersion.tls10.rawValue else { throw HelloRefusal(.versionTooOld) }
    return TLSVersion(rawValue: UInt16(highest))
  }
}
