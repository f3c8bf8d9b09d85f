import Glibc

/// What a program that is started has of the test's own.
enum Inheritance {
    /// `posix_spawn_file_actions_addclosefrom_np` of glibc 2.34, which its headers show to C with GNU's extensions only.
    private static let closeFrom = unsafeBitCast(
        dlsym(nil, "posix_spawn_file_actions_addclosefrom_np"),
        to: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32).self)

    /// Only its input, output and errors. `exec` does not close SwiftNIO's sockets: a program, and a server that it leaves behind, would keep them open, and
    /// their peers would never see the end.
    static func end(_ actions: inout posix_spawn_file_actions_t) throws {
        guard closeFrom(&actions, 3) == 0 else { throw Waiting.Timeout(description: "what is open cannot be kept from a program") }
    }
}
