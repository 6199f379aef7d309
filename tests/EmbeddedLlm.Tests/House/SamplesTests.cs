using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;

namespace EmbeddedLlm.Tests.House;

/// <summary>The samples, run as a user runs them.</summary>
public sealed class SamplesTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Chat_AnswersOnTheConsole()
    {
        using var sample = Start("Chat");
        await sample.StandardInput.WriteLineAsync("Hello");
        sample.StandardInput.Close();

        var output = await sample.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await sample.WaitForExitAsync().WaitAsync(Patience);

        Assert.Equal(0, sample.ExitCode);
        Assert.True(output.Length > "> \n> ".Length, output);
    }

    [Fact]
    public async Task Tools_CallAndAnswer() => Assert.Equal(
        """
        Let me look.
        -> weather: city = Bern, days = 2
        <- Bern in 2 days: sunny, 20 °C
        It will be sunny.
        Bern in 2 days: sunny, 20 °C

        """,
        await OutputAsync("Tools"));

    [Fact]
    public async Task StructuredOutput_OfTheTinyModel_HasItsForms()
    {
        var output = await OutputAsync("StructuredOutput");

        Assert.Matches(@"^[^\n]{3,40}: [1-5] of 5, (Drama|Comedy|Documentary); (Quiet|Long|Sad)(, (Quiet|Long|Sad)){0,2}\n(yes|no|perhaps), (19|20)\d\d-[01]\d\n(- [A-Z][a-z ]{2,12}\n){3}\n$", output);
    }

    [Fact]
    public async Task Reasoning_ComesBeforeTheAnswerWhereItMay()
    {
        var output = await OutputAsync("Reasoning");

        Assert.Matches(@"High: (\([^)]+\))+Twelve\.\n   [1-9]", output);
        Assert.Contains("None: Twelve.\n   0 of", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MinimalApi_StreamsServerSentEvents()
    {
        using var sample = Start("MinimalApi", "--urls", "http://127.0.0.1:0");
        try
        {
            string? address = null;
            while (address is null && await sample.StandardOutput.ReadLineAsync().WaitAsync(Patience) is { } line)
                address = line.Split("Now listening on: ") is [_, var found] ? found.Trim() : null;
            Assert.NotNull(address);

            using var http = new HttpClient();
            using var response = await http.PostAsJsonAsync(new Uri($"{address}/chat"), new { message = "Hello" });

            response.EnsureSuccessStatusCode();
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
            Assert.Contains("data: ", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);

            using var empty = await http.PostAsJsonAsync(new Uri($"{address}/chat"), new { message = "" });
            using var tooLong = await http.PostAsJsonAsync(new Uri($"{address}/chat"), new { message = new string('x', 20_000) });
            Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge), (empty.StatusCode, tooLong.StatusCode));
        }
        finally
        {
            sample.Kill();
        }
    }

    private static async Task<string> OutputAsync(string name)
    {
        using var sample = Start(name);
        sample.StandardInput.Close();
        var output = await sample.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await sample.WaitForExitAsync().WaitAsync(Patience);
        Assert.Equal(0, sample.ExitCode);
        return output.ReplaceLineEndings("\n");
    }

    private static Process Start(string sample, params string[] args)
    {
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)).Split('_')[0];
        var assembly = Path.Combine(Golden.Root, "artifacts", "bin", sample, configuration, $"{sample}.dll");
        return Process.Start(new ProcessStartInfo("dotnet", [assembly, .. args]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
    }
}
