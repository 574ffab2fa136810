/// What a well-formed ClientHello says about where it wants to go, and how it was packed.
public struct ClientHelloFacts: Equatable, Sendable {
  /// The host name of RFC 6066 3 in lower case, its syntax checked; nil when the hello, though well formed, names no host.
  public var serverName: String?

  /// The protocol ids of RFC 7301 in the client's order, byte for byte (GREASE included); the first
  /// ``maximumProtocols`` of them.
  public var alpn: [[UInt8]]

  /// Whether the hello carries `encrypted_client_hello` (RFC 9849), real or GREASE: they look the same. The name is then
  /// the outer one.
  public var echPresent: Bool

  /// The highest version the client offers: from `supported_versions` where it lists one of major version 3, else its
  /// `legacy_version`, which cannot mean more than TLS 1.2 (RFC 8446 4.2.1). Never below TLS 1.0.
  public var highestVersion: TLSVersion

  /// The length of the message, its 4-byte header included.
  public var messageBytes: Int

  /// How many of the received bytes the hello took, record headers included. What follows is the client's next words.
  public var rawBytes: Int

  /// How many TLS records carried the message.
  public var recordCount: Int

  /// In how many pieces the hello was received: at most the number of its TCP segments. The reader knows bytes only and
  /// says 1; whoever receives counts and corrects it.
  public var segmentCount: Int

  /// How many protocol ids are kept. Clients send up to three; a hostile list of 32 000 one-byte ids is checked to its
  /// end but must not cost thirty times its size in memory.
  public static let maximumProtocols = 64
}

extension ClientHelloFacts {
  // In an extension, so that there is the initialiser of all members besides, in their order: that one makes the value where it is
  // wanted, while one written out fills it field by field and copies it.
  public init(
    serverName: String?, alpn: [[UInt8]] = [], highestVersion: TLSVersion = .tls13, echPresent: Bool = false,
    messageBytes: Int = 0, rawBytes: Int = 0, recordCount: Int = 1, segmentCount: Int = 1
  ) {
    self.init(
      serverName: serverName, alpn: alpn, echPresent: echPresent, highestVersion: highestVersion, messageBytes: messageBytes,
      rawBytes: rawBytes, recordCount: recordCount, segmentCount: segmentCount)
  }
}
