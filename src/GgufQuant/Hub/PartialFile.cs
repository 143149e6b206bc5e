using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>A file that is being downloaded beside its target, and can be continued later.</summary>
/// <remarks>A small file next to it records which file on the server the part belongs to.</remarks>
internal sealed class PartialFile : IDisposable
{
    private const int BufferBytes = 1 << 20;
    private const int MaxRecordBytes = 1024;

    private readonly DownloadFile _source;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly long _kept;
    private AtomicFile? _file;
    private long _position;
    private bool _isWrong;

    public PartialFile(string path, DownloadFile source)
    {
        Path = path;
        _source = source;
        string unfinished = AtomicFile.UnfinishedPathOf(path);
        AtomicFile.CheckUnfinished(unfinished);
        AtomicFile.CheckUnfinished(RecordPath);
        if (source.Identity is { } identity && File.Exists(unfinished) && ReadRecord() == identity)
            _kept = Math.Min(new FileInfo(unfinished).Length, source.Length);
    }

    /// <summary>The target.</summary>
    public string Path { get; }

    /// <summary>Bytes that are not there yet.</summary>
    public long Missing => _source.Length - _kept;

    private string RecordPath => AtomicFile.UnfinishedPathOf(Path) + ".source";

    /// <summary>Opens the part that is there, or begins a new one.</summary>
    /// <exception cref="IOException">It cannot be written, or another process is writing it.</exception>
    public void Open(bool overwrite)
    {
        AtomicFile.Continuation? continuation = _source.Identity is null
            ? null
            : _kept > 0 ? AtomicFile.Continuation.FromUnfinished : AtomicFile.Continuation.FromNothing;
        _file = AtomicFile.Create(Path, _kept, overwrite, _ => { }, continuation);
        if (_source.Identity is { } identity)
            File.WriteAllText(RecordPath, identity);
    }

    /// <summary>Downloads what is missing; returns the file's SHA-256 in lower-case hexadecimal digits.</summary>
    public async Task<string> ReceiveAsync(RemoteRequests requests, TransferProgress progress, CancellationToken token)
    {
        HashKept(progress, token);
        try
        {
            await requests.RepeatAsync(() => ReceiveRestAsync(requests, progress, token), () => _position, token).ConfigureAwait(false);
            string digest = Convert.ToHexStringLower(_hash.GetHashAndReset());
            return _source.Sha256 is null || digest == _source.Sha256
                ? digest
                : throw Wrong($"'{_source.Address}' was received with the SHA-256 {digest}, but the hub gives {_source.Sha256}: it was damaged on the way, and is discarded. Download it again.");
        }
        finally
        {
            if (_isWrong)
                Discard();
        }
    }

    /// <summary>Gives all files their names.</summary>
    public static void CommitAll(IReadOnlyList<PartialFile> parts, CancellationToken token)
    {
        AtomicFile.CommitAll([.. parts.Select(part => part._file!)], token);
        foreach (PartialFile part in parts)
            FileSystem.Native.TryDelete(part.RecordPath);
    }

    public void Dispose()
    {
        _file?.Dispose();
        _hash.Dispose();
    }

    private void HashKept(TransferProgress progress, CancellationToken token)
    {
        while (_position < _kept)
        {
            token.ThrowIfCancellationRequested();
            int count = _file!.Read(_position, _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, _kept - _position)));
            if (count == 0)
                throw new IOException($"'{AtomicFile.UnfinishedPathOf(Path)}' has shrunk while it was read.");
            Take(count, progress, isNew: false);
        }
    }

    private async Task ReceiveRestAsync(RemoteRequests requests, TransferProgress progress, CancellationToken token)
    {
        if (_position == _source.Length)
            return;
        RangeHeaderValue? range = _position > 0 ? new(_position, _source.Length - 1) : null;
        using RemoteResponse response = await requests.GetAsync(_source.Address, _source.Address.UrlOn(requests.Options), range, token).ConfigureAwait(false);
        Check(response);
        if (_position > 0 && response.Message.StatusCode == HttpStatusCode.OK)
            StartAgain(progress);
        using Stream body = await response.OpenAsync().ConfigureAwait(false);
        while (_position < _source.Length)
        {
            int count = await response.ReadAsync(body, _buffer.AsMemory(0, (int)Math.Min(_buffer.Length, _source.Length - _position)), requests.Options.Timeout, token).ConfigureAwait(false);
            if (count == 0)
                throw RemoteErrors.Cut(response.Url);
            _file!.Write(_position, _buffer.AsSpan(0, count));
            Take(count, progress, isNew: true);
            CheckMagic();
        }
    }

    private void Take(int count, TransferProgress progress, bool isNew)
    {
        _hash.AppendData(_buffer, 0, count);
        _position += count;
        progress.Add(_source.Name, count, isNew);
    }

    // The server cannot continue.
    private void StartAgain(TransferProgress progress)
    {
        progress.Add(_source.Name, -_position, isNew: false);
        _ = _hash.GetHashAndReset();
        _position = 0;
    }

    private void Check(RemoteResponse response)
    {
        HttpContentHeaders headers = response.Message.Content.Headers;
        string server = RemoteErrors.ServerOf(response.Url);
        if (response.IsEncoded)
            throw Wrong($"'{server}' sends '{_source.Address}' encoded, which was not asked for.");
        long? length = response.Message.StatusCode switch
        {
            HttpStatusCode.OK => headers.ContentLength ?? _source.Length,
            HttpStatusCode.PartialContent when headers.ContentRange is { Unit: "bytes", HasRange: true } range && range.From == _position => range.Length,
            _ => throw Wrong($"'{server}' was asked for '{_source.Address}' from byte {_position}, and answers with something else ({(int)response.Message.StatusCode})."),
        };
        if (length != _source.Length || response.HasOtherTag(_source.Tag))
            throw Wrong($"'{_source.Address}' has changed on the server since the download began: start again.");
    }

    // A page that asks to log in is not worth gigabytes.
    private void CheckMagic()
    {
        Span<byte> magic = stackalloc byte[4];
        if (_position < magic.Length || _position > BufferBytes)
            return;
        if (_file!.Read(0, magic) < magic.Length || !magic.SequenceEqual("GGUF"u8))
            throw Wrong($"'{_source.Address}' is not a GGUF file: it begins with '{PrintableText.Escape(Encoding.Latin1.GetString(magic))}'.");
    }

    // An error after which there is nothing to continue with.
    private ServerException Wrong(string message)
    {
        _isWrong = true;
        return new(message);
    }

    private void Discard()
    {
        _file?.Dispose();
        AtomicFile.TryRemove(AtomicFile.UnfinishedPathOf(Path));
        FileSystem.Native.TryDelete(RecordPath);
    }

    private string? ReadRecord()
    {
        try
        {
            return Encoding.UTF8.GetString(RegularFile.ReadAllBytes(RecordPath, MaxRecordBytes));
        }
        catch (IOException)
        {
            // There is none, or it is another's; the download starts again.
            return null;
        }
    }
}
