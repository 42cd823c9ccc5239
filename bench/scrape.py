"""What the engine tells at `/metrics`, over one connection that stays open: it is asked every few milliseconds."""
import http.client


class Scraper:
    def __init__(self, admin):
        self.connection = http.client.HTTPConnection(admin, timeout=30)

    def __call__(self):
        """Value by series, as it is written: `name{label="value"}`."""
        self.connection.request("GET", "/metrics", headers={"Authorization": "Bearer bench-viewer-token"})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {series: float(value) for series, _, value in lines}


def over(metrics, histogram, seconds):
    """How many of its values are greater, and of how many; `seconds` is one of its bounds."""
    count = metrics[f"{histogram}_count"]
    return int(count - metrics[f'{histogram}_bucket{{le="{seconds}"}}']), int(count)
