using System.CommandLine;
using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>logits</c>: the raw output of a model for given tokens, for comparison with other programs.</summary>
internal static class LogitsCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var tokens = new Option<string>("--tokens") { Description = "Token ids: 1,2,3 or @file.json. None is added.", Required = true };
        var output = new Option<string>("--out") { Description = "The file to write: one row of little-endian floats per position.", Required = true };
        var reference = new Option<bool>("--reference") { Description = "Use the scalar reference backend." };
        var threads = ModelOptions.CreateThreads();
        var batch = ModelOptions.Positive(new Option<int>("--batch") { Description = "Rows per step.", DefaultValueFactory = _ => 512 });
        var kv = ModelOptions.CreateKvType(KvType.F32);
        var embeddings = new Option<string?>("--embeddings") { Description = "For encoders: none, mean, cls or last. No encoder family is supported yet." };
        embeddings.AcceptOnlyFromAmong("none", "mean", "cls", "last");
        var command = new Command("logits", "Write the logits of every position.") { model, tokens, output, reference, threads, batch, kv, embeddings };
        command.SetAction((parsed, cancellation) =>
        {
            var ids = JsonFiles.TokenIds(parsed.GetRequiredValue(tokens));
            if (ids.Length == 0)
                throw new UsageException("--tokens is empty.");
            if (parsed.GetValue(embeddings) is { } pooling)
                throw new NotSupportedException($"--embeddings {pooling} is for encoders, and no encoder family is supported yet.");

            using var file = GgufFile.Open(parsed.GetRequiredValue(model));
            var loaded = ModelLoader.Load(file);
            var vocabulary = loaded.Graph.Logits.Width;
            if (ids.FirstOrDefault(id => (uint)id >= (uint)vocabulary, -1) is var bad and not -1)
                throw new LlmException($"Token {bad} is not in the vocabulary of {vocabulary}.");

            var rows = Math.Min(parsed.GetValue(batch), ids.Length);
            var options = new RunnerOptions
            {
                KvBlocks = (ids.Length + 31) / 32,
                KvType = parsed.GetValue(kv),
                MaxBatchRows = rows,
                MaxOutputRows = rows,
                Threads = parsed.GetValue(threads),
            };
            IBackend backend = parsed.GetValue(reference) ? new ReferenceBackend() : new CpuBackend();
            using var runner = backend.Load(loaded.Graph, options);
            AtomicFile.Write(parsed.GetRequiredValue(output), stream => Write(runner, ids, options, vocabulary, stream, cancellation));
            return terminal.Error.WriteLineAsync($"{ids.Length} rows of {vocabulary} logits");
        });
        return command;
    }

    private static void Write(IModelRunner runner, int[] ids, RunnerOptions options, int vocabulary, Stream stream, CancellationToken cancellation)
    {
        var blocks = Enumerable.Range(0, options.KvBlocks).ToArray();
        var logits = new float[options.MaxBatchRows * vocabulary];
        for (var past = 0; past < ids.Length; past += options.MaxBatchRows)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Math.Min(options.MaxBatchRows, ids.Length - past);
            var step = new Batch
            {
                Tokens = ids.AsSpan(past, rows),
                Slices = [new BatchSlice(rows, past, 0, blocks.Length)],
                KvBlocks = blocks,
                OutputRows = Enumerable.Range(0, rows).ToArray(),
            };
            runner.Run(step, logits.AsSpan(0, rows * vocabulary));
            stream.Write(MemoryMarshal.AsBytes(logits.AsSpan(0, rows * vocabulary)));
        }
    }
}
