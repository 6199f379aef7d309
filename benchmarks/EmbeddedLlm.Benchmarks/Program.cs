// dotnet run -c Release -- shape llama-1b Q4_0 model.gguf [vocabulary.gguf]     writes a model of that shape, for `embedded-llm bench`
// dotnet run -c Release -- tiers                                                times products of every format on every instruction set
// dotnet run -c Release -- pack                                                 times the packing of weights
// dotnet run -c Release -- in-file model.gguf 2 11                              compares packed weights with those that stay in the file: threads, turns
// dotnet run -c Release -- experts moe.gguf dense.gguf 2 200                    compares a mixture of experts with a dense model of its active size: threads, turns
// dotnet run -c Release -- constraints vocabulary.gguf schemas.jsonl            times compiling and masks over a file of JSON schemas
// dotnet run -c Release -- products                                             compares assembled products with intrinsics
// dotnet run -c Release -- backends model.gguf                                  compares the backends on a model
// dotnet run -c Release -- encoder bert-base Q8_0 model.gguf                    writes an encoder of that shape
// dotnet run -c Release -- recurrent mamba2-370m Q8_0 model.gguf                writes a model with recurrent steps of that shape
// dotnet run -c Release -- kernels model.gguf 2 512                             shares of a step by kind of kernel: threads, rows
// dotnet run -c Release -- embeddings model.gguf 2 4,8,16,64                    texts per second, one by one and together: threads, tokens of a text
// dotnet run -c Release -- conversations model.gguf 2 1000 3                    a conversation saved and restored beside computed: threads, words, rounds
// dotnet run -c Release -- [BenchmarkDotNet's arguments]                        times kernels, formats, tokenizers
using System.Globalization;
using BenchmarkDotNet.Running;
using EmbeddedLlm.Benchmarks;
using EmbeddedLlm.Quantization;

if (args is ["shape", var shape, var type, var path, ..] and { Length: 4 or 5 })
    ShapeModel.Shapes[shape].Write(path, type, args.ElementAtOrDefault(4));
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
    EncoderShape.Shapes[encoder].Write(file, Enum.Parse<GgmlType>(format));
else if (args is ["recurrent", var recurrent, var numbers, var target])
    RecurrentShape.Shapes[recurrent].Write(target, Enum.Parse<GgmlType>(numbers));
else if (args is ["kernels", var walked, var walkers, var rows])
    KernelShares.Print(walked, int.Parse(walkers, CultureInfo.InvariantCulture), int.Parse(rows, CultureInfo.InvariantCulture));
else if (args is ["embeddings", var embedder, var teamSize, var lengths])
    await EmbeddingSpeed.PrintAsync(embedder, int.Parse(teamSize, CultureInfo.InvariantCulture), lengths.Split(',').Select(length => int.Parse(length, CultureInfo.InvariantCulture))).ConfigureAwait(false);
else if (args is ["conversations", var talker, var team, var words, var rounds])
    await ConversationSpeed.PrintAsync(talker, int.Parse(team, CultureInfo.InvariantCulture), int.Parse(words, CultureInfo.InvariantCulture), int.Parse(rounds, CultureInfo.InvariantCulture)).ConfigureAwait(false);
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
