using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedLlm.Assembler;

namespace EmbeddedLlm.Tests.Assembler;

public sealed unsafe class ExecutableMemoryTests
{
    [Fact]
    public void Create_Code_IsCalledAndCannotBeWritten()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "The code is for x64.");
        var code = ExecutableMemory.Create([0xB8, 42, 0, 0, 0, 0xC3]);     // mov eax, 42; ret

        Assert.Equal(42, ((delegate* unmanaged<int>)code)());

        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux lists what memory may be used for.");
        Assert.Equal("r-xp", Permissions(code));
    }

    [Fact]
    public void Create_NoCode_SaysThatTheSystemRefuses()
    {
        var exception = Assert.Throws<NotSupportedException>(() => ExecutableMemory.Create([]));
        Assert.Contains("operating system", exception.Message, StringComparison.Ordinal);
    }

    // A line of the list is: begin-end permissions …
    private static string Permissions(nint address)
    {
        foreach (var parts in File.ReadLines("/proc/self/maps").Select(line => line.Split(' ')))
        {
            var range = Array.ConvertAll(parts[0].Split('-'), part => nint.Parse(part, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            if (range[0] <= address && address < range[1])
                return parts[1];
        }

        return "none";
    }
}
