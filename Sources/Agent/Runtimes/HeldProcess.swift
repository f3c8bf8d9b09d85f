import CPlatform
import Glibc

/// A runtime's process that waits to become the runtime: whatever ends the agent before `release` ends it, too, so what must be written down
/// about it is written first. Exactly one of `release` and `abandon` is called.
struct HeldProcess: Sendable {
    let pid: pid_t
    private let gate: Int32

    /// - Parameters:
    ///   - command: program and arguments.
    ///   - environment: `NAME=value`, all of it.
    ///   - output: descriptor for both outputs; the input is empty.
    init(_ command: [String], environment: [String], output: Int32) throws(AgentError) {
        var gate: Int32 = -1
        let pid = Self.spawn(command, environment: environment, output: output, gate: &gate)
        guard pid > 0 else { throw AgentError(.runtime, "no process can be made: \(String(cString: strerror(errno)))") }
        self.pid = pid
        self.gate = gate
    }

    /// Lets it run its program; throws when the program cannot be run, and then the process is gone.
    func release() throws(AgentError) {
        guard cplatform_release(pid, gate) == 0 else {
            throw AgentError(.runtime, "its program cannot be run: \(String(cString: strerror(errno)))")
        }
    }

    /// Ends it before it ran anything.
    func abandon() { cplatform_abandon(pid, gate) }

    private static func spawn(_ command: [String], environment: [String], output: Int32, gate: inout Int32) -> pid_t {
        let argumentTexts = command.map { strdup($0) }
        let environmentTexts = environment.map { strdup($0) }
        defer { (argumentTexts + environmentTexts).forEach { free($0) } }
        guard let program = argumentTexts.first else { return -1 }
        return (argumentTexts + [nil]).withUnsafeBufferPointer { argumentList in
            (environmentTexts + [nil]).withUnsafeBufferPointer { environmentList in
                var options = cplatform_spawn_options()
                options.path = UnsafePointer(program)
                options.arguments = argumentList.baseAddress
                options.environment = environmentList.baseAddress
                options.standard_input = -1
                options.standard_output = output
                options.standard_error = output
                options.new_session = 1
                return cplatform_spawn_held(&options, &gate)
            }
        }
    }
}
