import Glibc
import PlimsollWire

/// NVIDIA's management library, bound at run time: one program serves hosts with and without it.
///
/// Functions that changed with the library's versions are looked up newest first (`_v3`, `_v2`, then without suffix).
/// Every call may hang on a sick device, so this type is used on `AcceleratorReader`'s own thread only.
struct AcceleratorLibrary {
    static let defaultName = "libnvidia-ml.so.1"

    typealias Device = OpaquePointer
    typealias NoArguments = @convention(c) () -> Int32
    typealias CountOut = @convention(c) (UnsafeMutablePointer<UInt32>) -> Int32
    typealias HandleByIndex = @convention(c) (UInt32, UnsafeMutablePointer<Device?>) -> Int32
    typealias DeviceText = @convention(c) (Device, UnsafeMutablePointer<CChar>, UInt32) -> Int32
    typealias DeviceStruct = @convention(c) (Device, UnsafeMutableRawPointer) -> Int32
    typealias DeviceSensor = @convention(c) (Device, UInt32, UnsafeMutablePointer<UInt32>) -> Int32
    typealias DevicePair = @convention(c) (Device, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
    typealias SystemText = @convention(c) (UnsafeMutablePointer<CChar>, UInt32) -> Int32
    typealias SystemNumber = @convention(c) (UnsafeMutablePointer<Int32>) -> Int32

    private let handle: UnsafeMutableRawPointer

    /// Nil when the host has no such library, which is no fault. It is never unloaded: drivers leave threads and handlers behind that need its code.
    init?(path: String) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
        self.handle = handle
    }

    func function<Function>(_ names: String..., as type: Function.Type) -> Function? {
        for name in names {
            guard let symbol = dlsym(handle, name) else { continue }
            return unsafeBitCast(symbol, to: Function.self)
        }
        return nil
    }

    /// Initialises, reads every device, and shuts the library down again, so that a driver update is noticed and nothing stays mapped busy.
    func read() -> AcceleratorReading {
        guard let initialise = function("nvmlInit_v2", "nvmlInit", as: NoArguments.self) else {
            return AcceleratorReading(fault: "the accelerator library has no nvmlInit")
        }
        let status = initialise()
        guard status == 0 else { return AcceleratorReading(fault: "nvmlInit failed with code \(status)") }
        let reading = readInitialised()
        if let shutdown = function("nvmlShutdown", as: NoArguments.self) { _ = shutdown() }
        return reading
    }

    private func readInitialised() -> AcceleratorReading {
        var reading = AcceleratorReading()
        reading.driverVersion = systemText("nvmlSystemGetDriverVersion")
        reading.cudaVersion = cudaVersion()
        var count: UInt32 = 0
        guard let deviceCount = function("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount", as: CountOut.self), deviceCount(&count) == 0 else {
            reading.fault = "the driver does not say how many devices there are"
            return reading
        }
        for index in 0..<min(count, 64) {
            guard let device = device(at: index), let accelerator = accelerator(device) else {
                reading.fault = "device \(index) cannot be read"
                continue
            }
            reading.accelerators.append(accelerator)
        }
        return reading
    }

    private func device(at index: UInt32) -> Device? {
        guard let byIndex = function("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex", as: HandleByIndex.self) else { return nil }
        var device: Device?
        return byIndex(index, &device) == 0 ? device : nil
    }

    private func cudaVersion() -> String? {
        guard
            let read = function("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion", as: SystemNumber.self)
        else { return nil }
        var number: Int32 = 0
        guard read(&number) == 0, number > 0 else { return nil }
        return "\(number / 1000).\(number % 1000 / 10)"
    }

    private func systemText(_ name: String) -> String? {
        guard let read = function(name, as: SystemText.self) else { return nil }
        return Self.text { read($0, UInt32($1)) }
    }

    /// Runs a C function that fills a buffer with text.
    static func text(_ fill: (UnsafeMutablePointer<CChar>, Int) -> Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 96) { buffer in
            buffer.initialize(repeating: 0)
            guard let start = buffer.baseAddress, fill(start, buffer.count) == 0 else { return nil }
            let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
