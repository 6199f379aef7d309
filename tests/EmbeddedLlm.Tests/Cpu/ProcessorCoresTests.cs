using EmbeddedLlm.Cpu;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class ProcessorCoresTests
{
    public static TheoryData<string, string[], int?> Machines => new()
    {
        { "0-3", ["0-1", "0-1", "2-3", "2-3"], 2 },                 // two processors to a core, neighbours
        { "0-3", ["0,2", "1,3", "0,2", "1,3"], 2 },                 // the same, apart
        { "0-3", ["0", "1", "2", "3"], 4 },
        { "1-2", ["0-1", "0-1", "2-3", "2-3"], 2 },                 // one processor of each core allowed
        { "2,3", ["0-1", "0-1", "2-3", "2-3"], 1 },
        { "0,2-3", ["0-1", "0-1", "2", "3"], 3 },
        { "0-4", ["0-1", "0-1", "2-3", "2-3"], null },              // of processor 4 nothing is known
        { "", ["0"], null },
        { "3-1", ["0", "1", "2", "3"], null },
        { "0-99999999999", ["0"], null },
        { "0-x", ["0"], null },
        { "-1", ["0"], null },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    public void LinuxCount_OfAMachine_CountsTheCoresThatAreAllowed(string allowed, string[] siblings, int? expected)
    {
        using var folder = new TemporaryFolder();
        var status = folder.File("status");
        File.WriteAllText(status, $"Name:\tdotnet\nCpus_allowed:\tf\nCpus_allowed_list:\t{allowed}\nMems_allowed:\t1\n");
        for (var processor = 0; processor < siblings.Length; processor++)
        {
            var topology = Directory.CreateDirectory(folder.File(Path.Combine($"cpu{processor}", "topology"))).FullName;
            File.WriteAllText(Path.Combine(topology, "thread_siblings_list"), siblings[processor] + "\n");
        }

        Assert.Equal(expected, LinuxCores.Count(status, Path.GetDirectoryName(status)!));
    }

    [Fact]
    public void LinuxCount_NoFiles_IsUnknown()
    {
        using var folder = new TemporaryFolder();
        var status = folder.File("status");

        Assert.Null(LinuxCores.Count(status, folder.File("none")));
        File.WriteAllText(status, "Name:\tdotnet\n");
        Assert.Null(LinuxCores.Count(status, folder.File("none")));
    }

    [Fact]
    public void WindowsCount_OfRecords_CountsThoseWithinTheAffinity()
    {
        byte[] records = [.. Core(0b0011), .. Core(0b1100), .. Core(0b10000)];

        Assert.Equal(3, WindowsCores.Count(records, ulong.MaxValue));
        Assert.Equal(1, WindowsCores.Count(records, 0b0011));
        Assert.Equal(2, WindowsCores.Count(records, 0b10100));
        Assert.Null(WindowsCores.Count(records.AsSpan(0, records.Length - 1), ulong.MaxValue));
        Assert.Null(WindowsCores.Count(new byte[48], ulong.MaxValue));
    }

    [Theory]
    [InlineData(8, 4, 4)]
    [InlineData(2, 4, 2)]           // a quota of two processors
    [InlineData(8, null, 8)]
    [InlineData(8, 0, 8)]
    public void AtMost_OfProcessorsAndCores_IsTheSmaller(int processors, int? cores, int expected) => Assert.Equal(expected, ProcessorCores.AtMost(processors, cores));

    [Fact]
    public void OrAll_OfANumberOfThreads_KeepsItAndReplacesNone()
    {
        Assert.Equal(3, ProcessorCores.OrAll(3));
        Assert.Equal(ProcessorCores.Count, ProcessorCores.OrAll(0));
        Assert.InRange(ProcessorCores.Count, 1, Environment.ProcessorCount);
        Assert.Throws<ArgumentOutOfRangeException>(() => ProcessorCores.OrAll(-1));
    }

    private static byte[] Core(ulong mask)
    {
        var record = new byte[48];
        BitConverter.TryWriteBytes(record.AsSpan(4), record.Length);
        BitConverter.TryWriteBytes(record.AsSpan(30), (ushort)1);
        BitConverter.TryWriteBytes(record.AsSpan(32), mask);
        return record;
    }
}
