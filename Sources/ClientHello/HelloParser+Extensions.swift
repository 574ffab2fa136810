/// The extensions that say where a hello wants to go (RFC 8446 4.2).
private enum ExtensionType {
  static let serverName = 0
  static let applicationProtocols = 16
  static let preSharedKey = 41
  static let supportedVersions = 43
  /// RFC 9849.
  static let encryptedClientHello = 0xFE0D
}

extension HelloParser {
  mutating func parseExtensions(_ bytes: RawSpan, before end: Int) throws(HelloRefusal) {
    var seen = NumberSet(limit: 1 << 16)
    while position < end {
      let type = try integer(2, bytes, before: end, else: .extensionOverrun)
      let extensionEnd = try vector(2, bytes, before: end, else: .extensionOverrun)
      // RFC 8446 4.2: not more than one of the same type. GREASE types must differ, too (RFC 8701 3.1).
      guard seen.insert(type) else { throw HelloRefusal(.duplicateExtension) }
      switch type {
      case ExtensionType.serverName:
        try parseServerName(bytes, before: extensionEnd)
      case ExtensionType.applicationProtocols:
        try parseProtocols(bytes, before: extensionEnd)
      case ExtensionType.supportedVersions:
        try parseVersions(bytes, before: extensionEnd)
      case ExtensionType.encryptedClientHello:
        facts.echPresent = true
      case ExtensionType.preSharedKey:
        // RFC 8446 4.2.11: must be the last, and servers must check that.
        guard extensionEnd == end else { throw HelloRefusal(.preSharedKeyNotLast) }
      default:
        break
      }
      position = extensionEnd
    }
  }

  /// RFC 6066 3: a list of names, at most one of each type; only type 0 is defined.
  private mutating func parseServerName(_ bytes: RawSpan, before end: Int) throws(HelloRefusal) {
    let listEnd = try vector(2, bytes, before: end, else: .badServerNameList)
    guard listEnd == end, position < end else { throw HelloRefusal(.badServerNameList) }
    var seen = NumberSet(limit: 1 << 8)
    while position < end {
      let type = try integer(1, bytes, before: end, else: .badServerNameList)
      // Names of types to come begin with a length of two bytes, too: RFC 6066 3 promises it.
      let nameEnd = try vector(2, bytes, before: end, else: .badServerNameList)
      guard seen.insert(type) else { throw HelloRefusal(.duplicateNameType) }
      if type == 0 { facts.serverName = try hostName(bytes, to: nameEnd) }
      position = nameEnd
    }
  }

  private mutating func hostName(_ bytes: RawSpan, to end: Int) throws(HelloRefusal) -> String {
    let count = end - position
    guard count > 0 else { throw HelloRefusal(.emptyName) }
    guard count <= HostName.maximumBytes else { throw HelloRefusal(.nameTooLong) }
    var objection: HelloRefusal.Reason?
    // Looked at where it comes to lie, so that a name costs one piece of memory.
    let name = String(unsafeUninitializedCapacity: count) { buffer in
      bytes.extracting(position..<end).withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      var name = UnsafeMutableBufferPointer(rebasing: buffer[..<count]).mutableSpan
      objection = HostName.normalize(&name)
      return objection == nil ? count : 0
    }
    position = end
    if let objection { throw HelloRefusal(objection) }
    return name
  }

  /// RFC 7301 3.1: ProtocolName protocol_name_list<2..2^16-1>, each of 1 to 255 bytes.
  private mutating func parseProtocols(_ bytes: RawSpan, before end: Int) throws(HelloRefusal) {
    let listEnd = try vector(2, bytes, before: end, else: .badALPN)
    guard listEnd == end, position < end else { throw HelloRefusal(.badALPN) }
    if let usual = UsualProtocols.list(for: bytes.extracting(position..<end)) {
      facts.alpn = usual
      position = end
    }
    while position < end {
      let idEnd = try vector(1, bytes, before: end, else: .badALPN)
      guard position < idEnd else { throw HelloRefusal(.badALPN) }
      if facts.alpn.count < ClientHelloFacts.maximumProtocols {
        facts.alpn.append(copy(bytes, to: idEnd))
      } else {
        position = idEnd
      }
    }
  }

  /// RFC 8446 4.2.1: ProtocolVersion versions<2..254>. GREASE and drafts (0x7fxx) stand among the versions.
  private mutating func parseVersions(_ bytes: RawSpan, before end: Int) throws(HelloRefusal) {
    let listEnd = try vector(1, bytes, before: end, else: .badSupportedVersions)
    let listBytes = listEnd - position
    guard listEnd == end, listBytes >= 2, listBytes.isMultiple(of: 2) else { throw HelloRefusal(.badSupportedVersions) }
    var highest: TLSVersion?
    while position < end {
      let version = TLSVersion(rawValue: UInt16(try integer(2, bytes, before: end, else: .badSupportedVersions)))
      if version.rawValue >> 8 == 3 { highest = max(highest ?? version, version) }
    }
    guard let highest else { return }
    // RFC 8446 D.5: SSL 3.0 must not be negotiated for any reason, and this client offers nothing better.
    guard highest >= .tls10 else { throw HelloRefusal(.versionTooOld) }
    facts.highestVersion = highest
  }
}
