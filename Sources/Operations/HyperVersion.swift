/// The version of all programs of the project.
public enum HyperVersion {
  public static let text = "0.1.0-dev"
}
