import Glibc
import PlimsollWire
import Telemetry
import Testing

@testable import Agent

@Suite("Accelerators through the management library")
struct AcceleratorTests {
    /// Speaks the library's binary interface: one device, and by environment-free macros old functions only, or a call that never returns.
    private static let source = """
        #include <string.h>
        #include <unistd.h>
        typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory2;
        typedef struct { unsigned long long total, free, used; } memory1;
        typedef struct { unsigned gpu, memory; } rates;
        typedef struct { unsigned version; unsigned sensor; int degrees; } temperature;
        static int device;
        int nvmlShutdown(void) { return 0; }
        int nvmlSystemGetDriverVersion(char *t, unsigned n) { strncpy(t, "570.86.15", n); return 0; }
        int nvmlDeviceGetUUID(void *d, char *t, unsigned n) { strncpy(t, "GPU-1", n); return d == &device ? 0 : 2; }
        int nvmlDeviceGetName(void *d, char *t, unsigned n) { strncpy(t, "Test H100", n); return 0; }
        int nvmlDeviceGetUtilizationRates(void *d, rates *r) { r->gpu = 37; return 0; }
        int nvmlDeviceGetCudaComputeCapability(void *d, int *a, int *b) { *a = 9; *b = 0; return 0; }
        #ifdef OLD
        int nvmlInit(void) { return 0; }
        int nvmlDeviceGetCount(unsigned *n) { *n = 1; return 0; }
        int nvmlDeviceGetHandleByIndex(unsigned i, void **d) { *d = &device; return 0; }
        int nvmlDeviceGetMemoryInfo(void *d, memory1 *m) { m->total = 80000; m->used = 500; return 0; }
        int nvmlDeviceGetTemperature(void *d, unsigned s, unsigned *t) { *t = 41; return s; }
        int nvmlSystemGetCudaDriverVersion(int *v) { *v = 11080; return 0; }
        #else
        int nvmlInit_v2(void) {
        #ifdef HANG
            for (;;) pause();
        #endif
        #ifdef HANG_LATER
            static int calls;
            if (calls++) for (;;) pause();
        #endif
            return 0;
        }
        int nvmlDeviceGetCount_v2(unsigned *n) { *n = 1; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = &device; return 0; }
        int nvmlDeviceGetMemoryInfo_v2(void *d, memory2 *m) {
            if (m->version != (sizeof(memory2) | 2u << 24)) return 25;
            m->total = 80000; m->reserved = 700; m->used = 900; return 0;
        }
        int nvmlDeviceGetTemperatureV(void *d, temperature *t) {
            if (t->version != (sizeof(temperature) | 1u << 24)) return 25;
            t->degrees = 55; return 0;
        }
        int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 13000; return 0; }
        #endif
        """

    private func library(_ folder: TemporaryFolder, _ options: String) throws -> String {
        let source = try folder.file("nvml.c", Self.source)
        let library = folder.path + "/nvml.so"
        try #require(system("cc -shared -fPIC -w \(options) -o \(library) \(source)") == 0)
        return library
    }

    @Test("the present library's functions give every fact")
    func readsPresentLibrary() async throws {
        let folder = try TemporaryFolder()
        let reading = await AcceleratorReader(library: try library(folder, "-DNEW"), deadline: .seconds(20)).read()
        let device = Inventory.Accelerator(
            uuid: "GPU-1", name: "Test H100", memoryBytes: 80000, memoryUsedBytes: 900, utilization: 37, temperatureCelsius: 55,
            computeCapability: "9.0")
        #expect(reading == AcceleratorReading(accelerators: [device], driverVersion: "570.86.15", cudaVersion: "13.0"))
    }

    @Test("a library with the first versions of its functions is read, too")
    func readsOldLibrary() async throws {
        let folder = try TemporaryFolder()
        let reading = await AcceleratorReader(library: try library(folder, "-DOLD"), deadline: .seconds(20)).read()
        #expect(reading.accelerators.first?.memoryUsedBytes == 500)
        #expect(reading.accelerators.first?.temperatureCelsius == 41)
        #expect(reading.cudaVersion == "11.8")
        #expect(reading.fault == nil)
    }

    @Test("a call that hangs is a fault within the deadline, and the next look does not wait")
    func reportsHang() async throws {
        let folder = try TemporaryFolder()
        let reader = AcceleratorReader(library: try library(folder, "-DHANG"), deadline: .milliseconds(100))
        #expect(await reader.read().fault == "the accelerator driver does not answer")
        let began = ContinuousClock.now
        #expect(await reader.read().fault == "the accelerator driver does not answer")
        #expect(ContinuousClock.now - began < .milliseconds(90))
    }

    @Test("a driver that falls silent later leaves its devices as they were, without what moves, and a fault")
    func reportsStale() async throws {
        let folder = try TemporaryFolder()
        let reader = AcceleratorReader(library: try library(folder, "-DHANG_LATER"), deadline: .seconds(2))
        #expect(await reader.read().fault == nil)
        for _ in 0..<2 {
            let reading = await reader.read()
            #expect(reading.fault?.contains("does not answer") == true)
            #expect(reading.accelerators.map(\.uuid) == ["GPU-1"])
            #expect(reading.accelerators.first?.utilization == nil)
            #expect(reading.driverVersion == "570.86.15")
        }
    }

    @Test("a file of the kernel is read to its end, not to the first short read")
    func readsWholeFile() throws {
        let maps = try #require(KernelText.read("/proc/self/maps"))
        #expect(maps.utf8.count > 8192)
        #expect(maps.contains("[stack]"))
    }

    @Test("a host without the library has no accelerators and no fault")
    func readsHostWithout() async {
        let reading = await AcceleratorReader(library: "/nonexistent/libnvidia-ml.so.1", deadline: .seconds(5)).read()
        #expect(reading == AcceleratorReading())
    }

    @Test("the inventory of this host holds its processor, memory and disk")
    func readsHost() async {
        let inventory = await HostInventory(diskPath: "/tmp", acceleratorLibrary: "/nonexistent").read()
        #expect(inventory.processor.cores >= sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        #expect(inventory.memoryBytes > 64 << 20)
        #expect(inventory.diskFreeBytes > 0)
        #expect(!inventory.kernel.isEmpty && !inventory.hostname.isEmpty && !KernelText.bootId.isEmpty)
    }

    @Test("the kernel's text files are read, odd ones included")
    func readsFacts() {
        let cpu = HostFacts.processor(cpuinfo: "processor\t: 0\nmodel name\t: AMD EPYC: 9354\nprocessor\t: 1\nmodel name\t: x\n")
        #expect(cpu.model == "AMD EPYC: 9354")
        #expect(cpu.cores == 2)
        #expect(HostFacts.processor(cpuinfo: "").cores == 0)
        #expect(HostFacts.memory("MemTotal", meminfo: "MemTotal:       16 kB\nMemFree: 1 kB\n") == 16384)
        #expect(HostFacts.memory("MemTotal", meminfo: "MemTotal: 9223372036854775807 kB\n") == nil)
        #expect(HostFacts.operatingSystem(osRelease: "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n") == "Debian GNU/Linux 12")
        #expect(HostFacts.memoryLimit(cgroup: "max\n") == nil)
    }
}
