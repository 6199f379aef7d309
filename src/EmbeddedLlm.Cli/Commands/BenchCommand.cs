using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cli.Bench;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>bench</c>: speeds of a model, beside the limits of this machine measured in the same run.</summary>
internal static class BenchCommand
{
    private const int FirstPrompt = 16;

    private const int MostSequences = 512;

    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var prompts = new Option<string>("-p", "--prompt") { Description = "Tokens to prefill; several with commas.", DefaultValueFactory = _ => "512" };
        var generate = ModelOptions.Positive(new Option<int>("-n", "--generate") { Description = "Tokens to decode.", DefaultValueFactory = _ => 128 }, maximum: ModelOptions.MostPositions);
        var depths = new Option<string>("-d", "--depth") { Description = "Positions before them; several with commas.", DefaultValueFactory = _ => "0" };
        var threads = ModelOptions.CreateThreads();
        var kvType = ModelOptions.CreateKvType(KvType.F16);
        var backend = BackendOption.Create();
        var repeats = ModelOptions.Positive(new Option<int>("-r", "--repeat") { Description = "Runs of each; the median counts.", DefaultValueFactory = _ => 5 });
        var parallel = new Option<string>("--parallel") { Description = "Sequences decoded at once; several with commas.", DefaultValueFactory = _ => "1,2,4,8" };
        var inFile = ModelOptions.CreateKeepWeightsInFile();
        var speculation = new Option<string?>("--speculation") { Description = "A text file: also time answers that edit it and that write it, with and without drafts. Takes the model's memory twice." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("bench", "Measure prefill and decode, and what this machine could do.") { model, prompts, generate, depths, threads, kvType, backend, repeats, parallel, inFile, speculation, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var text = parsed.GetValue(speculation) is { } file ? SeveralLines(Utf8File.Read(file)) : null;
            var textTokens = text is null ? 0 : CountTokens(parsed.GetRequiredValue(model), text);
            var runner = BackendOption.Find(parsed.GetRequiredValue(backend));
            var report = Measure(
                parsed.GetRequiredValue(model),
                runner,
                Numbers(parsed, prompts, 1, ModelOptions.MostPositions),
                parsed.GetValue(generate),
                Numbers(parsed, depths, 0, ModelOptions.MostPositions),
                parsed.GetValue(threads) is > 0 and var count ? count : CpuBackend.Cores,
                parsed.GetValue(kvType),
                parsed.GetValue(repeats),
                Numbers(parsed, parallel, 1, MostSequences),
                parsed.GetValue(inFile),
                cancellation);
            if (text is not null)
            {
                var options = new LlmOptions { Threads = report.Threads, KvType = parsed.GetValue(kvType), KeepWeightsInFile = parsed.GetValue(inFile), ContextLength = textTokens + parsed.GetValue(generate) + 1 };
                report = report with { Speculation = await SpeculateAsync(parsed.GetRequiredValue(model), runner, options, text, parsed.GetValue(generate), parsed.GetValue(repeats), cancellation).ConfigureAwait(false) };
            }

            await terminal.Out.WriteLineAsync(parsed.GetValue(json) ? JsonSerializer.Serialize(report, BenchJson.Default.BenchReport) : Table(report)).ConfigureAwait(false);
        });
        return command;
    }

    private static BenchReport Measure(string path, IBackend backend, int[] prompts, int generate, int[] depths, int threads, KvType kvType, int repeats, int[] parallel, bool inFile, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        using var file = ModelFile.Open(path);
        var graph = ModelLoader.Load(file).Graph;
        var options = new RunnerOptions { KvBlocks = 0, StateSlots = parallel.Max(), KvType = kvType, Threads = threads, KeepWeightsInFile = inFile, MaxOutputRows = parallel.Max(), MaxBatchRows = Math.Max(512, parallel.Max()) };
        options = options with
        {
            KvBlocks = Math.Max(
                BenchSession.BlocksFor(depths.Max() + prompts.Max(), options),
                parallel.Max() * BenchSession.BlocksFor(depths.Max() + generate, options)),
        };
        if (backend.Offer(graph) is { CanRun: false, Reason: var reason })
            throw new UnsupportedModelException($"The backend '{backend.Name}' cannot run this model. {reason}");
        using var runner = backend.Load(graph, options);
        var loadSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        var session = new BenchSession(runner, options, graph.Logits.Width);
        session.Prefill(0, FirstPrompt, cancellation);
        using var process = Process.GetCurrentProcess();
        var firstTokenSeconds = (DateTime.UtcNow - process.StartTime.ToUniversalTime()).TotalSeconds;

        // Memory is read before the limits of the machine are measured, since that needs large buffers of its own.
        session.Prefill(0, prompts[0], cancellation);
        process.Refresh();
        var peakMemory = process.PeakWorkingSet64 / 1e6;

        var bandwidth = 0.0;
        var (instructionSet, peak) = backend is AssemblerBackend ? (AssemblerBackend.InstructionSet, AssemblerBackend.MeasurePeak(MainFormat(graph), threads)) : (CpuBackend.InstructionSet, MultiplyPeak.Measure(MainFormat(graph), threads));
        peak /= 1e9;
        var cost = ModelCost.Of(graph, options.KvType);
        var prefillRows = new List<PrefillRow>();
        var decodeRows = new List<DecodeRow>();
        foreach (var depth in depths)
        {
            session.Prefill(0, depth, cancellation);
            foreach (var prompt in prompts)
            {
                var (median, min, max) = Speeds(repeats, prompt, () => session.Prefill(depth, prompt, cancellation));
                prefillRows.Add(new PrefillRow(prompt, depth, median, min, max, median * cost.MacsPerToken / 1e9 / peak));
            }

            session.Fill(depth, generate, parallel.Max(), cancellation);
            foreach (var sequences in parallel)
            {
                // What memory gives changes with what else the machine does, so it is measured before and after each row. The better figure is the limit.
                var before = MemoryBandwidth.Measure(threads) / 1e9;
                var (median, min, max) = Speeds(repeats, generate * sequences, () => session.Decode(depth, generate, sequences, cancellation));
                var limit = Math.Max(before, MemoryBandwidth.Measure(threads) / 1e9);
                bandwidth = Math.Max(bandwidth, limit);
                var bytes = cost.DecodeBytes / (double)sequences + cost.KvBytesPerPosition * (depth + generate / 2.0);
                decodeRows.Add(new DecodeRow(depth, sequences, median, min, max, median * bytes / 1e9 / limit));
            }
        }

        return new BenchReport
        {
            Model = Path.GetFileName(path),
            Type = MainFormat(graph).Name,
            Threads = threads,
            Cpu = CpuName(),
            Tier = instructionSet,
            BandwidthGBs = bandwidth,
            PeakGmacs = peak,
            LoadSeconds = loadSeconds,
            FirstTokenSeconds = firstTokenSeconds,
            PeakMemoryMB = peakMemory,
            Prefill = prefillRows,
            Decode = decodeRows,
        };
    }

    private static async Task<IReadOnlyList<SpeculationRow>> SpeculateAsync(string path, IBackend backend, LlmOptions options, string text, int generate, int repeats, CancellationToken cancellation)
    {
        using var bench = new SpeculationBench(path, backend, options);
        var firstLine = FirstLine(text);
        return
        [
            await bench.MeasureAsync("edit the prompt", text, SpeculationBench.Edit(text), generate, repeats, cancellation).ConfigureAwait(false),
            await bench.MeasureAsync("write", text[..firstLine], text[firstLine..], generate, repeats, cancellation).ConfigureAwait(false),
        ];
    }

    private static string SeveralLines(string text) =>
        FirstLine(text) is var length && length > 0 && length < text.Length ? text : throw new UsageException("--speculation needs a text of several lines.");

    private static int CountTokens(string path, string text)
    {
        using var file = ModelFile.Open(path);
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        return tokenizer.Encode(text[FirstLine(text)..], addSpecial: false, parseSpecial: false).Length > 1
            ? tokenizer.Encode(text).Length
            : throw new UsageException($"--speculation needs a text that the vocabulary of '{path}' can write; behind its first line that has no two tokens.");
    }

    private static int FirstLine(string text) => text.IndexOf('\n', StringComparison.Ordinal) + 1;

    private static (double Median, double Min, double Max) Speeds(int repeats, int tokens, Func<double> seconds)
    {
        seconds(); // warm up: caches, and the JIT's better code
        var speeds = Enumerable.Range(0, repeats).Select(_ => tokens / seconds()).Order().ToArray();
        return ((speeds[(repeats - 1) / 2] + speeds[repeats / 2]) / 2, speeds[0], speeds[^1]);
    }

    /// <summary>The format of most of the multiplied bytes.</summary>
    private static Quantization.BlockFormat MainFormat(ModelGraph graph) => graph.Ops
        .SelectMany(op => op switch
        {
            Op.Linear linear => linear.Projections.Select(p => p.Weight),
            Op.HeadLinear linear => [linear.Weight],
            Op.Experts experts => [experts.GateProjection, experts.UpProjection, experts.DownProjection],
            _ => [],
        })
        .GroupBy(weight => weight.Format)
        .MaxBy(group => group.Sum(weight => weight.Bytes))!.Key;

    private static string Table(BenchReport report)
    {
        var lines = new List<string>
        {
            $"{report.Model} ({report.Type}), {report.Threads} threads, {report.Tier}, {report.Cpu}",
            string.Create(CultureInfo.InvariantCulture, $"load {report.LoadSeconds:F2} s, first token {report.FirstTokenSeconds:F2} s after start, peak memory {report.PeakMemoryMB:F0} MB"),
            string.Create(CultureInfo.InvariantCulture, $"this machine: reads {report.BandwidthGBs:F1} GB/s, multiplies {report.PeakGmacs:F0} GMAC/s (best passes; speeds are medians)"),
            $"{"",-22}{"tokens/s",10}{"min",10}{"max",10}  of the limit",
        };
        lines.AddRange(report.Prefill.Select(row => Line($"prefill {row.Tokens}", row.Depth, 1, row.TokensPerSecond, row.Min, row.Max, row.FractionOfPeak)));
        lines.AddRange(report.Decode.Select(row => Line("decode", row.Depth, row.Parallel, row.TokensPerSecond, row.Min, row.Max, row.FractionOfBandwidth)));
        if (report.Speculation.Count > 0)
        {
            lines.Add($"{"with drafts",-22}{"tokens/s",10}{"plain",10}{"ratio",10}  drafted, right");
            lines.AddRange(report.Speculation.Select(row => string.Create(
                CultureInfo.InvariantCulture, $"{row.Answer,-22}{row.TokensPerSecond,10:F1}{row.PlainTokensPerSecond,10:F1}{row.Ratio,10:F2}  {row.Drafted}, {row.Accepted} for {row.Tokens}")));
        }

        return string.Join(Environment.NewLine, lines);
    }

    private static string Line(string name, int depth, int parallel, double median, double min, double max, double fraction)
    {
        var label = name + (parallel > 1 ? $" × {parallel}" : "") + (depth > 0 ? $" at {depth}" : "");
        return string.Create(CultureInfo.InvariantCulture, $"{label,-22}{median,10:F1}{min,10:F1}{max,10:F1}{fraction,14:P0}");
    }

    private static int[] Numbers(ParseResult parsed, Option<string> option, int minimum, int maximum)
    {
        var text = parsed.GetRequiredValue(option);
        var numbers = text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum
            ? number
            : throw new UsageException($"{option.Name} must be whole numbers from {minimum} to {maximum}, such as {minimum},{minimum + 4}, not '{text}'."));
        return [.. numbers];
    }

    private static string CpuName()
    {
        const string Path = "/proc/cpuinfo";
        var line = File.Exists(Path) ? File.ReadLines(Path).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
            ?? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString();
    }
}
