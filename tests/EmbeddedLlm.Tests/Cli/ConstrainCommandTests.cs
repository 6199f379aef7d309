using EmbeddedLlm.Cli;

namespace EmbeddedLlm.Tests.Cli;

public sealed class ConstrainCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Interrupts _interrupts = new();

    public void Dispose()
    {
        _interrupts.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("""{"a":1}""", 0, "accepted")]
    [InlineData("""{"a":"x"}""", 1, "not accepted: byte 5 is 0x22, expected -, 0 to 9")]
    [InlineData("""{"a":1""", 1, "not accepted: the text ends at byte 6, expected 0 to 9, }")]
    public async Task Constrain_Schema_SaysWhereTheTextBreaksIt(string text, int exitCode, string expected)
    {
        var schema = Write("schema.json", """{"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": false}""");

        Assert.Equal((exitCode, expected), await RunAsync("--schema", schema, "--text-file", Write("text.txt", text)));
    }

    [Fact]
    public async Task Constrain_MasksAndBench_PrintCountsAndTimes()
    {
        var (exitCode, output) = await RunAsync("--regex", "[ab]+", "--text-file", Write("text.txt", "ab"), "--masks", "--bench");

        Assert.Equal(0, exitCode);
        Assert.Matches(@"^\d+\t\d+\t""", output);
        Assert.Contains("compile ", output, StringComparison.Ordinal);
        Assert.Contains("99th percentile", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Constrain_NoneOrTwoConstraints_IsBadUsage() =>
        Assert.Equal(2, (await RunAsync("--text-file", Write("text.txt", "ab"))).ExitCode);

    private string Write(string name, string content)
    {
        var path = _folder.File(name);
        File.WriteAllText(path, content);
        return path;
    }

    private async Task<(int ExitCode, string Output)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(["constrain", "--model", Golden.TinyModel, .. args], new Terminal(TextReader.Null, output, error, _interrupts));
        return (exitCode, output.ToString().Trim());
    }
}
