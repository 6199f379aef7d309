using System.CommandLine;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>logits</c>: the raw output of a model for given tokens, logits or hidden rows, for comparison with other programs.</summary>
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
        var embeddings = new Option<string?>("--embeddings") { Description = "Write hidden rows in place of logits: none for all of them, or one row, mean, cls (the first) or last. Not normalised. Encoders have nothing else." };
        embeddings.AcceptOnlyFromAmong("none", "mean", "cls", "last");
        var command = new Command("logits", "Write the logits of every position.") { model, tokens, output, reference, threads, batch, kv, embeddings };
        command.SetAction((parsed, cancellation) =>
        {
            var ids = JsonFiles.TokenIds(parsed.GetRequiredValue(tokens));
            if (ids.Length == 0)
                throw new UsageException("--tokens is empty.");

            using var file = ModelFile.Open(parsed.GetRequiredValue(model));
            var pooling = parsed.GetValue(embeddings) switch
            {
                "none" => Pooling.None,
                "mean" => Pooling.Mean,
                "cls" => Pooling.First,
                "last" => Pooling.Last,
                _ => (Pooling?)null,
            };
            var loaded = ModelLoader.Load(file, pooling: pooling);
            var vocabulary = loaded.Spec.VocabularySize;
            var width = loaded.Graph.Logits.Width;
            if (ids.FirstOrDefault(id => (uint)id >= (uint)vocabulary, -1) is var bad and not -1)
                throw new LlmException($"Token {bad} is not in the vocabulary of {vocabulary}.");

            var rows = loaded.Graph.NeedsWholeTexts ? ids.Length : Math.Min(parsed.GetValue(batch), ids.Length);
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
            AtomicFile.Write(parsed.GetRequiredValue(output), stream =>
            {
                if (pooling is null or Pooling.None)
                    Write(runner, ids, options, width, stream, cancellation);
                else
                    WritePooled(pooling.Value, runner, ids, options, width, stream, cancellation);
            });
            return terminal.Error.WriteLineAsync(pooling is null or Pooling.None ? $"{ids.Length} rows of {width} {(pooling is null && loaded.Spec.IsCausal ? "logits" : "numbers")}" : $"1 row of {width} numbers");
        });
        return command;
    }

    private static void WritePooled(Pooling pooling, IModelRunner runner, int[] ids, RunnerOptions options, int width, Stream stream, CancellationToken cancellation)
    {
        using var all = new MemoryStream();
        Write(runner, ids, options, width, all, cancellation);
        var rows = MemoryMarshal.Cast<byte, float>(all.GetBuffer().AsSpan(0, (int)all.Length));
        var first = pooling == Pooling.Last ? rows.Length - width : 0;
        var row = rows.Slice(first, width).ToArray();
        if (pooling == Pooling.Mean)
        {
            for (var start = width; start < rows.Length; start += width)
                TensorPrimitives.Add(row, rows.Slice(start, width), row);
            TensorPrimitives.Divide(row, ids.Length, row);
        }

        stream.Write(MemoryMarshal.AsBytes<float>(row));
    }

    private static void Write(IModelRunner runner, int[] ids, RunnerOptions options, int width, Stream stream, CancellationToken cancellation)
    {
        var blocks = Enumerable.Range(0, options.KvBlocks).ToArray();
        var logits = new float[options.MaxBatchRows * width];
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
            runner.Run(step, logits.AsSpan(0, rows * width));
            stream.Write(MemoryMarshal.AsBytes(logits.AsSpan(0, rows * width)));
        }
    }
}
