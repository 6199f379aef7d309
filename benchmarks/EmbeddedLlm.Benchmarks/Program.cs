using System.Globalization;
using BenchmarkDotNet.Running;
using EmbeddedLlm.Benchmarks;
using EmbeddedLlm.Quantization;

if (args is [] or ["-h" or "--help"])
{
    Console.WriteLine(Usage.Text);
    return 0;
}

try
{
    if (args is ["shape", var shape, var type, var path, ..] and { Length: 4 or 5 })
        Usage.Shape(ShapeModel.Shapes, shape).Write(path, type, args.ElementAtOrDefault(4));
    else if (args is ["tiers"])
        TierSpeed.Print();
    else if (args is ["pack"])
        PackSpeed.Print();
    else if (args is ["in-file", var inFileModel, var threads, var turns])
        InFileSpeed.Print(inFileModel, int.Parse(threads, CultureInfo.InvariantCulture), int.Parse(turns, CultureInfo.InvariantCulture));
    else if (args is ["experts", var mixture, var dense, var workers, var steps])
        ExpertsSpeed.Print(mixture, dense, int.Parse(workers, CultureInfo.InvariantCulture), int.Parse(steps, CultureInfo.InvariantCulture));
    else if (args is ["constraints", var vocabulary, var schemas])
        ConstraintSpeed.Print(vocabulary, schemas);
    else if (args is ["products"])
        ProductComparison.Print(rounds: 5);
    else if (args is ["backends", var model])
        BackendComparison.Print(model, rounds: 8);
    else if (args is ["encoder", var encoder, var format, var file])
        Usage.Shape(EncoderShape.Shapes, encoder).Write(file, Enum.Parse<GgmlType>(format));
    else if (args is ["recurrent", var recurrent, var numbers, var target])
        Usage.Shape(RecurrentShape.Shapes, recurrent).Write(target, Enum.Parse<GgmlType>(numbers));
    else if (args is ["kernels", var walked, var walkers, var rows])
        KernelShares.Print(walked, int.Parse(walkers, CultureInfo.InvariantCulture), int.Parse(rows, CultureInfo.InvariantCulture));
    else if (args is ["rows", var verifier, var hands, var rounds])
        RowCosts.Print(verifier, int.Parse(hands, CultureInfo.InvariantCulture), int.Parse(rounds, CultureInfo.InvariantCulture));
    else if (args is ["embeddings", var embedder, var teamSize, var lengths])
        await EmbeddingSpeed.PrintAsync(embedder, int.Parse(teamSize, CultureInfo.InvariantCulture), lengths.Split(',').Select(length => int.Parse(length, CultureInfo.InvariantCulture))).ConfigureAwait(false);
    else if (args is ["conversations", var talker, var team, var words, var repeats])
        await ConversationSpeed.PrintAsync(talker, int.Parse(team, CultureInfo.InvariantCulture), int.Parse(words, CultureInfo.InvariantCulture), int.Parse(repeats, CultureInfo.InvariantCulture)).ConfigureAwait(false);
    else if (args is [['-', ..], ..])
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
    else
        throw new ArgumentException($"These are no arguments of this program: '{string.Join(' ', args)}'. Known:{Environment.NewLine}{Usage.Text}");
    return 0;
}
catch (Exception exception) when (exception is ArgumentException or FormatException or IOException)
{
    await Console.Error.WriteLineAsync(exception.Message).ConfigureAwait(false);
    return 2;
}
