using System.Text;
using EmbeddedLlm.Cli;

// Models write every script. Windows begins with the code page of the country.
var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
if (Console.OutputEncoding.CodePage != utf8.CodePage)
{
    try
    {
        Console.OutputEncoding = utf8;
    }
    catch (IOException)
    {
        // There is no console to ask.
    }
}

using var interrupts = new Interrupts();
return await CommandLine.RunAsync(args, new Terminal(Console.In, Console.Out, Console.Error, interrupts));
