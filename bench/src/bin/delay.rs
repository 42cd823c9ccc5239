//! `delay PORT SERVER MILLISECONDS`: a proxy on 127.0.0.1:PORT before SERVER that holds every byte back for so long, each way.
//! Until its standard input ends.

use std::time::Duration;

use weir_testkit::stack::delay::Delay;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, server, milliseconds] = &arguments[..] else { anyhow::bail!("delay PORT SERVER MILLISECONDS") };
    let proxy = Delay::listen_at(port.parse()?, Duration::from_secs_f64(milliseconds.parse::<f64>()? / 1e3));
    proxy.serve(server);
    println!("{}", proxy.port());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
