/// An operator's row in the directory (PROTOCOL.md 5.5 and 8.1): the result of replaying its change records.
public struct DirectoryEntry: Hashable, Sendable {
  public var name: OperatorName
  public var groups: [String] = []
  public var channels: [Channel] = []
  public var services: [Service] = []
  public var certificates: [Certificate] = []
  public var settings: [Setting] = []
  public var preferences: [Setting] = []
  /// The change records this entry was made from, in order.
  public var records: [ChangeRecord] = []

  public init(name: OperatorName) {
    self.name = name
  }

  /// A way to reach the operator, as the directory announces it.
  public struct Channel: Hashable, Sendable {
    public var type: String
    public var settings: [String: JSONValue]?

    public init(type: String, settings: [String: JSONValue]? = nil) {
      self.type = type
      self.settings = settings
    }
  }

  public struct Service: Hashable, Sendable {
    public var name: String
    public var permissions: [Permission]
    public var methods: [Method]

    public init(name: String, permissions: [Permission] = [], methods: [Method] = []) {
      self.name = name
      self.permissions = permissions
      self.methods = methods
    }
  }

  public struct Method: Hashable, Sendable {
    public var name: String
    public var permissions: [Permission]
    /// Declared parameters, kept as they are; nothing enforces them (PROTOCOL.md 5.4).
    public var parameters: JSONValue?

    public init(name: String, permissions: [Permission] = [], parameters: JSONValue? = nil) {
      self.name = name
      self.permissions = permissions
      self.parameters = parameters
    }
  }

  public struct Permission: Hashable, Sendable {
    public var group: String
    public var rights: [String]

    public init(group: String, rights: [String]) {
      self.group = group
      self.rights = rights
    }
  }

  /// A pinned certificate.
  public struct Certificate: Hashable, Sendable {
    /// SHA-256 of the leaf's DER, lower-case hex.
    public var fingerprint: String
    /// `encryption` or `signing`.
    public var keyUsage: String

    public init(fingerprint: String, keyUsage: String) {
      self.fingerprint = fingerprint
      self.keyUsage = keyUsage
    }
  }

  /// Settings of a service towards an operator; empty strings match any (PROTOCOL.md 8.1).
  public struct Setting: Hashable, Sendable {
    public var operatorName: String
    public var service: String
    public var environment: String
    public var settings: [String: JSONValue]

    public init(operatorName: String = "", service: String = "", environment: String = "", settings: [String: JSONValue]) {
      self.operatorName = operatorName
      self.service = service
      self.environment = environment
      self.settings = settings
    }
  }
}
