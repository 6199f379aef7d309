using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tests.Gguf;

public sealed class AtomicFileTests : IDisposable
{
    // Found by its name: the command line compiles the same file, so that the type stands twice before these tests.
    private static readonly Action<string, Action<Stream>> Write =
        typeof(GgufWriter).Assembly.GetType("EmbeddedLlm.Gguf.AtomicFile", throwOnError: true)!.GetMethod("Write")!.CreateDelegate<Action<string, Action<Stream>>>();

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_Fails_LeavesTheOldFileAndNothingElse()
    {
        File.WriteAllText(_folder.File("a"), "old");

        Assert.Throws<FormatException>(() => Write(_folder.File("a"), stream =>
        {
            stream.WriteByte(1);
            throw new FormatException();
        }));

        Assert.Equal("old", File.ReadAllText(_folder.File("a")));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(_folder.File("a"))!));
    }

    [Fact]
    public void Write_ThroughALink_ReplacesWhatItLeadsTo()
    {
        File.WriteAllText(_folder.File("a"), "old");
        File.CreateSymbolicLink(_folder.File("link"), "a");

        Write(_folder.File("link"), stream => stream.Write("new"u8));

        Assert.Equal("new", File.ReadAllText(_folder.File("a")));
        Assert.Equal("a", new FileInfo(_folder.File("link")).LinkTarget);
    }

    [Fact]
    public void Write_OverAFile_KeepsItsMode()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no file modes.");
            return;
        }

        File.WriteAllText(_folder.File("a"), "old");
        File.SetUnixFileMode(_folder.File("a"), UnixFileMode.UserRead | UnixFileMode.UserWrite);

        Write(_folder.File("a"), stream => stream.Write("new"u8));

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("a")));
    }

    [Fact]
    public void Write_ToADevice_WritesToIt()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "There is no /dev/null here.");
        Write("/dev/null", stream => stream.Write("new"u8));
        Assert.Equal(0, new FileInfo("/dev/null").Length);
    }

    [Fact]
    public void Write_FolderIsMissing_IsSaid() =>
        Assert.Contains("There is no folder", Assert.Throws<DirectoryNotFoundException>(() => Write(_folder.File("no/a"), _ => { })).Message, StringComparison.Ordinal);
}
