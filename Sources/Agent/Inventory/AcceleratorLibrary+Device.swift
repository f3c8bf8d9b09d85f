import PlimsollWire

/// Facts about one device. A fact that the library's version does not know is left out.
extension AcceleratorLibrary {
    /// `nvmlMemory_v2_t`: version in the caller's hands, and memory that the driver keeps for itself.
    private struct MemoryVersion2 {
        var version: UInt32 = UInt32(MemoryLayout<MemoryVersion2>.size) | (2 << 24)
        var total: UInt64 = 0
        var reserved: UInt64 = 0
        var free: UInt64 = 0
        var used: UInt64 = 0
    }

    /// `nvmlMemory_t`.
    private struct MemoryVersion1 {
        var total: UInt64 = 0
        var free: UInt64 = 0
        var used: UInt64 = 0
    }

    /// `nvmlUtilization_t`.
    private struct Utilization {
        var processor: UInt32 = 0
        var memory: UInt32 = 0
    }

    /// `nvmlTemperature_v1_t`.
    private struct TemperatureVersion1 {
        var version: UInt32 = UInt32(MemoryLayout<TemperatureVersion1>.size) | (1 << 24)
        var sensor: UInt32 = 0
        var degrees: Int32 = 0
    }

    func accelerator(_ device: Device) -> Inventory.Accelerator? {
        guard let uuid = text("nvmlDeviceGetUUID", device), let memory = memory(device) else { return nil }
        return Inventory.Accelerator(
            uuid: uuid, name: text("nvmlDeviceGetName", device) ?? "unknown", memoryBytes: memory.total, memoryUsedBytes: memory.used,
            utilization: utilization(device), temperatureCelsius: temperature(device), computeCapability: computeCapability(device))
    }

    private func text(_ name: String, _ device: Device) -> String? {
        guard let read = function(name, as: DeviceText.self) else { return nil }
        return Self.text { read(device, $0, UInt32($1)) }
    }

    private func memory(_ device: Device) -> (total: Int64, used: Int64)? {
        if let read = function("nvmlDeviceGetMemoryInfo_v2", as: DeviceStruct.self) {
            var memory = MemoryVersion2()
            if read(device, &memory) == 0 { return (Int64(clamping: memory.total), Int64(clamping: memory.used)) }
        }
        guard let read = function("nvmlDeviceGetMemoryInfo", as: DeviceStruct.self) else { return nil }
        var memory = MemoryVersion1()
        guard read(device, &memory) == 0 else { return nil }
        return (Int64(clamping: memory.total), Int64(clamping: memory.used))
    }

    private func utilization(_ device: Device) -> Int? {
        guard let read = function("nvmlDeviceGetUtilizationRates", as: DeviceStruct.self) else { return nil }
        var rates = Utilization()
        return read(device, &rates) == 0 ? min(100, Int(rates.processor)) : nil
    }

    private func temperature(_ device: Device) -> Int? {
        if let read = function("nvmlDeviceGetTemperatureV", as: DeviceStruct.self) {
            var reading = TemperatureVersion1()
            if read(device, &reading) == 0 { return Int(reading.degrees) }
        }
        // Deprecated in the library's version 13, the only one before.
        guard let read = function("nvmlDeviceGetTemperature", as: DeviceSensor.self) else { return nil }
        var degrees: UInt32 = 0
        return read(device, 0, &degrees) == 0 ? Int(degrees) : nil
    }

    private func computeCapability(_ device: Device) -> String? {
        guard let read = function("nvmlDeviceGetCudaComputeCapability", as: DevicePair.self) else { return nil }
        var major: Int32 = 0
        var minor: Int32 = 0
        return read(device, &major, &minor) == 0 ? "\(major).\(minor)" : nil
    }
}
